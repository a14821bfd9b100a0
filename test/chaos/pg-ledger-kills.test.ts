import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { RecordedEvent } from "../../src/domain/events.ts";
import { subtreeRootsOf } from "../../src/domain/ledger/merkle.ts";
import { digest } from "../support/digest.ts";
import { appendTo, revoked } from "../support/ledger-samples.ts";
import { openPostgresLedger, placeIn } from "../support/postgres/ledger.ts";
import { PostgresServer } from "../support/postgres/server.ts";

const LONG = process.env["SCHEMALEDGER_CHAOS"] === "long";
const KILLS = LONG ? 60 : 3;
const CRASHES = LONG ? 15 : 1;
const LOOP = fileURLToPath(new URL("../support/postgres/append-loop.js", import.meta.url));

describe("a PostgreSQL ledger whose writers or server are killed", () => {
  let server: PostgresServer;
  let url: string;
  /** What somebody was told is stored: index → id. */
  const told = new Map<number, string>();

  before(async function () {
    this.timeout(LONG ? 600_000 : 60_000);
    // Its own: a start after a crash syncs every file of every database.
    server = await PostgresServer.start(18, { durable: true });
    url = server.url();
  });
  after(() => server.dispose());
  beforeEach(function () {
    this.timeout(LONG ? 600_000 : 60_000);
  });

  const open = () =>
    openPostgresLedger(url, { place: placeIn(url, { requireFsync: true, patienceMs: 20_000 }) });

  /** Everything that was told is there, once, in one piece. */
  async function check(): Promise<void> {
    const ledger = await open();
    const events: RecordedEvent[] = [];
    const streams = new Map<string, number>();
    for await (const event of ledger.readAll(0)) {
      assert.equal(event.index, events.length);
      assert.equal(event.streamVersion, streams.get(event.stream) ?? 0);
      streams.set(event.stream, event.streamVersion + 1);
      events.push(event);
    }
    for (const [index, id] of told) assert.equal(events[index]?.id, id);
    assert.equal(new Set(events.map(({ id }) => id)).size, events.length);
    const { size, root } = await ledger.head();
    const leaves = events.map(({ leafHash }) => leafHash);
    assert.deepEqual(
      Buffer.from(root),
      Buffer.from(subtreeRootsOf(digest.sha256, leaves)(0, size)),
    );
    await ledger.close();
  }

  function listen(child: ChildProcess): void {
    let rest = "";
    child.stdout!.on("data", (data: Buffer) => {
      const lines = (rest + data.toString()).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        const [index, id] = line.split(" ") as [string, string];
        assert.equal(told.get(Number(index)), undefined, "an index was given twice");
        told.set(Number(index), id);
      }
    });
  }

  it("loses nothing that a killed writer was told, and keeps nothing by halves", async () => {
    // Its own life shows that a dead writer blocks nobody.
    const other = spawn(process.execPath, [LOOP, url, "lasting"], { stdio: ["ignore", "pipe", 2] });
    listen(other);
    try {
      for (let kill = 0; kill < KILLS; kill += 1) {
        const child = spawn(process.execPath, [LOOP, url, `killed-${kill}`], {
          stdio: ["ignore", "pipe", 2],
        });
        listen(child);
        await once(child.stdout!, "data");
        await pause(Math.random() * 150);
        const ended = once(child, "close");
        child.kill("SIGKILL");
        await ended;
      }
      const before = told.size;
      for (let waited = 0; told.size === before && waited < 200; waited += 1) await pause(50);
      assert.ok(told.size > before, "the writer that lives goes on");
    } finally {
      const ended = once(other, "close");
      other.kill("SIGKILL");
      await ended;
    }
    await check();
  });

  it("goes on when its server was killed and is there again", async () => {
    const ledger = await open();
    let stop = false;
    const appender = async (stream: string): Promise<void> => {
      while (!stop) {
        const { events, repeated } = await ledger.append(
          appendTo(stream, "any", { events: revoked(3) }),
        );
        assert.equal(repeated, false);
        for (const { index, id } of events) {
          assert.equal(told.get(index), undefined);
          told.set(index, id);
        }
      }
    };
    const appenders = Promise.all(["a", "b", "x", "y"].map(appender));
    for (let crash = 0; crash < CRASHES; crash += 1) {
      await pause(100 + Math.random() * 200);
      await server.stop("SIGKILL");
      await server.start();
      const before = told.size;
      for (let waited = 0; told.size === before && waited < 400; waited += 1) await pause(50);
      assert.ok(told.size > before, "appends go on after the server is back");
    }
    stop = true;
    await appenders;
    await ledger.close();
    await check();
  });
});
