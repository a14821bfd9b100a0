import assert from "node:assert/strict";
import Sqlite from "better-sqlite3";
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { EventQuery } from "../../../src/domain/ledger/ledger.ts";
import { openCheckpoint } from "../../../src/domain/ledger/checkpoint.ts";
import { parseVerifierKey } from "../../../src/domain/ledger/verifier-key.ts";
import { checkEd25519 } from "../../../src/infra/signing/ed25519-signer.ts";
import { ledgerQuery } from "../../../src/infra/sqlite/ledger-query.ts";
import { openLedgerFile } from "../../../src/infra/sqlite/ledger-connection.ts";
import { verifyLedgerFile } from "../../../src/infra/sqlite/verify-ledger.ts";
import { digest } from "../../support/digest.ts";
import { appendTo, context, query, revoked } from "../../support/ledger-samples.ts";
import { openLedger, SIGNER } from "../../support/sqlite-ledger.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

describe("SqliteLedger on its file", () => {
  const directory = temporaryDirectory();
  const file = (): string => directory.file("ledger.db");
  const verify = () => verifyLedgerFile(file(), { digest, verifierKeys: [SIGNER.verifierKey] });

  it("keeps every acknowledged event when its process is killed", async () => {
    for (let round = 0; round < 2; round += 1) {
      const script = new URL("../../support/append-loop.js", import.meta.url).pathname;
      const child = spawn(process.execPath, [script, file()], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let output = "";
      child.stdout.setEncoding("utf8");
      for await (const text of child.stdout as AsyncIterable<string>) {
        output += text;
        if (output.length > 20_000 && !child.killed) child.kill("SIGKILL");
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      assert.equal(child.signalCode, "SIGKILL");
      const acknowledged = output.slice(0, output.lastIndexOf("\n")).split("\n");
      assert.ok(acknowledged.length > 100);
      const ledger = openLedger(file());
      const ids = new Map<number, string>();
      for await (const event of ledger.readAll(0)) ids.set(event.index, event.id);
      for (const line of acknowledged) {
        const [index, id] = line.split(" ");
        assert.equal(ids.get(Number(index)), id);
      }
      await ledger.append(appendTo("after"));
      await ledger.close();
      assert.deepEqual((await verify()).findings, []);
    }
  });

  it("refuses a whole group when the disk is full, and loses nothing", async () => {
    const script = new URL("../../support/append-until-full.js", import.meta.url).pathname;
    // 512-byte blocks in sh: the write-ahead log may grow to half a megabyte.
    const command = `ulimit -f 1000; exec "$0" "$@"`;
    const child = spawn("sh", ["-c", command, process.execPath, script, file()], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    for await (const text of child.stdout) output += String(text);
    const told = JSON.parse(output) as { acknowledged: number; codes: string[]; size: number };
    assert.deepEqual(told.codes, ["ledger-write-failed", "ledger-write-failed"]);
    assert.ok(told.acknowledged > 0);
    assert.equal(told.size, told.acknowledged);
    const ledger = openLedger(file());
    assert.equal((await ledger.head()).size, told.acknowledged);
    await ledger.append(appendTo("a", told.acknowledged));
    await ledger.close();
    assert.deepEqual((await verify()).findings, []);
  });

  it("refuses alone what a constraint refuses, and goes on", async () => {
    const ledger = openLedger(file());
    const other = new Sqlite(file());
    other.exec(`CREATE TRIGGER refuse BEFORE INSERT ON event WHEN NEW.stream = 'bad'
      BEGIN SELECT RAISE(ABORT, 'refused'); END`);
    const results = await Promise.allSettled(
      ["a", "bad", "a"].map((stream) => ledger.append(appendTo(stream))),
    );
    assert.deepEqual(
      results.map((r) => (r.status === "fulfilled" ? r.value.events[0]?.index : r.reason.code)),
      [0, "ledger-write-failed", 1],
    );
    assert.equal((await ledger.append(appendTo("a", 2))).events[0]?.index, 2);
    other.close();
    await ledger.close();
    assert.equal((await verify()).ok, true);
  });

  it("goes on with what another process appended", async () => {
    const one = openLedger(file());
    const two = openLedger(file());
    await one.append(appendTo("a", "none", { events: revoked(3) }));
    await two.append(appendTo("a", 3));
    await one.append(appendTo("a", 4));
    await assert.rejects(two.append(appendTo("a", 4)), { code: "expected-version-conflict" });
    await two.append(appendTo("b", "none"));
    await one.close();
    await two.close();
    const { ok, size } = await verify();
    assert.deepEqual([ok, size], [true, 6]);
  });

  it("reads beside a writer without writing", async () => {
    const writer = openLedger(file());
    const reader = openLedger(file(), { readOnly: true });
    await writer.append(appendTo("a", "none", { events: revoked(3) }));
    assert.equal((await reader.read(query())).length, 3);
    assert.deepEqual(await reader.head(), await writer.head());
    assert.equal((await reader.checkpoint()).note, (await writer.checkpoint()).note);
    await assert.rejects(reader.append(appendTo("a")), { code: "ledger-read-only" });
    await reader.close();
    await writer.close();
  });

  it("stores a checkpoint and an answer by itself after a while", async () => {
    const ledger = openLedger(file());
    const idempotency = { key: "k", requestHash: "h" };
    await ledger.append(appendTo("a", "any", { context: context({ idempotency }) }));
    await ledger.rememberAnswer("k", "{}");
    const other = new Sqlite(file(), { readonly: true });
    const stored = other.prepare(
      "SELECT note, answer, head.size FROM checkpoint, idem, ledger_head head",
    );
    for (let i = 0; i < 200 && stored.get() === undefined; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const row = stored.get() as { note: string; answer: string; size: number };
    const key = parseVerifierKey(digest, SIGNER.verifierKey);
    assert.equal(openCheckpoint(digest, row.note, [key], checkEd25519).size, 1);
    assert.deepEqual([row.answer, row.size], ["{}", 1]);
    other.close();
    await ledger.close();
  });

  it("stops reading at an event from the future, with its index, type and version", async () => {
    const ledger = openLedger(file());
    await ledger.append(appendTo("a", "none", { events: revoked(3) }));
    await ledger.close();
    const db = new Sqlite(file());
    db.exec("DROP TRIGGER event_no_update; UPDATE event SET v = 2 WHERE idx = 1");
    db.close();
    const reader = openLedger(file(), { readOnly: true });
    const expected = {
      code: "unknown-event-version",
      details: { index: 1, type: "KeyRevoked", v: 2 },
    };
    await assert.rejects(reader.read(query()), expected);
    await assert.rejects(async () => {
      for await (const event of reader.readAll(0)) assert.ok(event.index < 1);
    }, expected);
    assert.equal((await reader.read(query({ limit: 1 }))).length, 1);
    await reader.close();
  });

  it("gives stored rows with the payload as text", async () => {
    const ledger = openLedger(file());
    const { events } = await ledger.append(appendTo("a"));
    const [row] = ledger.readRows(query());
    const event = events[0]!;
    assert.equal(row?.leafHash, digest.hex(event.leafHash));
    assert.deepEqual(JSON.parse(row?.payload ?? ""), { context: event.context, data: event.data });
    assert.match(row?.payload ?? "", /^\{"context":\{"authn":/);
    await ledger.close();
  });

  it("surfaces the fault of a listener without harming the append", async () => {
    const ledger = openLedger(file());
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    const surfaced = once(process, "uncaughtException");
    ledger.subscribe(() => {
      throw new Error("a listener's fault");
    });
    const { events } = await ledger.append(appendTo("a"));
    assert.equal(events.length, 1);
    const [error] = (await surfaced) as [Error];
    for (const listener of listeners) process.on("uncaughtException", listener);
    assert.equal(error.message, "a listener's fault");
    await ledger.close();
  });

  describe("plans", () => {
    const base = { limit: 100, order: "desc" } as const;
    const range = { low: 0, high: 1000 };
    const cases: Readonly<Record<string, readonly [Partial<EventQuery>, plan: RegExp]>> = {
      none: [{}, /^SEARCH e USING INTEGER PRIMARY KEY \(rowid>\? AND rowid<\?\)$/],
      stream: [
        { stream: "a" },
        /^SEARCH e USING INDEX event_by_stream \(stream=\? AND stream_pos>\? AND stream_pos<\?\)$/,
      ],
      type: [
        { types: ["KeyRevoked"] },
        /^SEARCH e USING INDEX event_by_type \(type=\? AND rowid>\? AND rowid<\?\)$/,
      ],
      actor: [
        { actor: "a" },
        /^SEARCH e USING INDEX event_by_actor \(actor=\? AND rowid>\? AND rowid<\?\)$/,
      ],
      correlation: [
        { correlation: "a" },
        /^SEARCH e USING INDEX event_by_correlation \(correlation=\? AND rowid>\? AND rowid<\?\)$/,
      ],
      time: [
        { from: "2026-01-01T00:00:00Z" },
        /^SEARCH e USING INTEGER PRIMARY KEY \(rowid>\? AND rowid<\?\)$/,
      ],
      everything: [
        {
          correlation: "a",
          stream: "a",
          actor: "a",
          types: ["KeyRevoked"],
          to: "2026-01-01T00:00:00Z",
        },
        /^SEARCH e USING INDEX event_by_correlation \(correlation=\? AND rowid>\? AND rowid<\?\)$/,
      ],
    };
    for (const [what, [filter, plan]] of Object.entries(cases)) {
      it(`of a query by ${what} walk one index and sort nothing`, () => {
        const db = openLedgerFile(file(), { origin: SIGNER.name });
        const places = filter.stream === undefined ? undefined : range;
        const { sql, values } = ledgerQuery({ ...base, ...filter }, range, places);
        const steps = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values) as {
          detail: string;
        }[];
        db.close();
        const [first, ...rest] = steps.map((step) => step.detail);
        assert.match(first!, plan);
        assert.deepEqual(rest, ["SEARCH p USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN"]);
      });
    }

    it("of a query by several types merge ordered walks", () => {
      const db = openLedgerFile(file(), { origin: SIGNER.name });
      const types = ["KeyRevoked", "KeyIssued", "RunStarted"] as const;
      const { sql, values } = ledgerQuery({ ...base, types }, range, undefined);
      const steps = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values) as { detail: string }[];
      db.close();
      const plan = steps.map((step) => step.detail).join("\n");
      assert.equal(plan.match(/COVERING INDEX event_by_type \(type=\? AND rowid>/g)?.length, 3);
      assert.match(plan, /MERGE \(UNION ALL\)/);
    });
  });
});
