import assert from "node:assert/strict";
import Sqlite from "better-sqlite3";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { Unavailable } from "../../../src/domain/shared/errors.ts";
import type { Projection } from "../../../src/domain/state/projection.ts";
import type { EndedEntity, ProjectionBatch } from "../../../src/domain/state/projection-store.ts";
import type { SqliteLedger } from "../../../src/infra/sqlite/sqlite-ledger.ts";
import { SqliteProjectionStore } from "../../../src/infra/sqlite/sqlite-projection-store.ts";
import { appendTo } from "../../support/ledger-samples.ts";
import { startProjection, type Projected } from "../../support/projection.ts";
import { randomHistory } from "../../support/random-history.ts";
import { openLedger } from "../../support/sqlite-ledger.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

describe("a stored projection that cannot be used", () => {
  const directory = temporaryDirectory();
  let ledger: SqliteLedger;
  let hash: string;
  const file = (): string => directory.file("projection.db");

  beforeEach(async () => {
    ledger = openLedger(directory.file("ledger.db"));
    const { projection } = await startProjection(ledger, file());
    await append("db");
    hash = (await projection.rebuild()).after;
    await projection.stop();
  });
  afterEach(() => ledger.close());

  async function append(prefix: string): Promise<void> {
    for (const { stream, events } of randomHistory(7, 25, prefix))
      await ledger.append(appendTo(stream, "any", { events }));
  }

  function change(sql: string): void {
    const db = new Sqlite(file());
    const { changes } = db.prepare(sql).run();
    db.close();
    assert.ok(changes > 0, `nothing was changed: ${sql}`);
  }

  async function hashOf(projection: Projection): Promise<string> {
    const { before, after } = await projection.rebuild();
    assert.equal(before, after);
    return after;
  }

  it("is what a start begins with when it can be used: only what came after is folded", async () => {
    const { size } = await ledger.head();
    await append("more");
    const read: number[] = [];
    const watched = new Proxy(ledger, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        return (...values: unknown[]) => {
          if (name === "readForFold") read.push(values[0] as number);
          return member.apply(target, values) as unknown;
        };
      },
    });
    const { projection, notices } = await startProjection(watched, file());
    assert.deepEqual([notices, read], [[], [size]]);
    await projection.stop();
    assert.equal(statSync(file()).mode & 0o777, 0o600);
  });

  const faults: [string, () => void][] = [
    [
      "an open entity was changed",
      () => change("UPDATE open SET text = replace(text, 'db-', 'dx-')"),
    ],
    ["an open entity is missing", () => change("DELETE FROM open WHERE kind = 'backups'")],
    ["an open entity is of a kind that is not known", () => change("UPDATE open SET kind = 'x'")],
    ["its size was changed", () => change("UPDATE mark SET size = size - 1")],
    [
      "what is in no map was changed",
      () => change("UPDATE mark SET rest = replace(rest, 'signingKeys', 'signingkeys')"),
    ],
    [
      "the count of what has ended does not fit",
      () => change("UPDATE mark SET ended_sum = open_sum"),
    ],
    ["an open entity is not even JSON", () => change("UPDATE open SET text = 'x'")],
    ["the frontier was changed", () => change("UPDATE mark SET frontier = zeroblob(32)")],
    ["it is of another ledger", () => change("UPDATE mark SET origin = 'another'")],
    ["it is no database", () => writeFileSync(file(), "x".repeat(10_000))],
    [
      "it is another program's database",
      () => new Sqlite(file()).exec("PRAGMA user_version = 9").close(),
    ],
  ];
  for (const [why, damage] of faults)
    it(`is folded anew, and that is said, when ${why}`, async () => {
      damage();
      const { projection, notices } = await startProjection(ledger, file());
      assert.deepEqual(
        notices.map(({ level, code }) => ({ level, code })),
        [{ level: "error", code: "projection-damaged" }],
      );
      assert.match(notices[0]!.message, /anew/);
      assert.equal(await hashOf(projection), hash);
      await projection.stop();
      const again = await startProjection(ledger, file());
      assert.deepEqual(again.notices, []);
      await again.projection.stop();
    });

  it("is folded anew without alarm when other code has folded it, or nothing is there", async () => {
    const other = await startProjection(ledger, file(), { code: "sha256:newer" });
    assert.deepEqual(
      other.notices.map(({ level }) => level),
      ["info"],
    );
    assert.equal(await hashOf(other.projection), hash);
    await other.projection.stop();
    const fresh = await startProjection(ledger, directory.file("fresh.db"));
    assert.deepEqual(
      fresh.notices.map(({ level }) => level),
      ["info"],
    );
    assert.equal(await hashOf(fresh.projection), hash);
    await fresh.projection.stop();
  });

  it("is found out by a rebuild, and made anew, when what has ended was changed", async () => {
    change("UPDATE ended SET text = replace(text, 'passed', 'failed') WHERE kind = 'checks'");
    const { projection, notices } = await startProjection(ledger, file());
    assert.deepEqual(notices, []);
    const { before, after } = await projection.rebuild();
    assert.notEqual(before, after);
    assert.equal(after, hash);
    assert.equal(await hashOf(projection), hash);
    const checks = await projection.list("checks", { limit: 100 });
    assert.ok(checks.length > 3 && checks.every(({ status }) => status === "passed"));
    await projection.stop();
  });

  it("is made anew by a rebuild when what has ended cannot be read", async () => {
    const { projection } = await startProjection(ledger, file(), { store: new Unreadable(file()) });
    const { before, after } = await projection.rebuild();
    assert.deepEqual([before === after, after], [false, hash]);
    await projection.stop();
    const again = await startProjection(ledger, file());
    assert.deepEqual(again.notices, []);
    assert.equal(await hashOf(again.projection), hash);
    await again.projection.stop();
  });

  it("is not shown any more when a rebuild finds that memory is not what the events say", async () => {
    const { projection } = await startProjection(ledger, file());
    const [run] = projection.state.runs.values();
    run!.outcome = "kept";
    const { before, after } = await projection.rebuild();
    assert.notEqual(before, after);
    assert.throws(() => projection.state, { code: "projection-differs" });
    await assert.rejects(projection.list("runs", { limit: 1 }), { code: "projection-differs" });
    await projection.stop();
    const again = await startProjection(ledger, file());
    assert.equal(await hashOf(again.projection), hash);
    await again.projection.stop();
  });

  it("is stored on the way when much is to be caught up with, and a killed start goes on from there", async () => {
    const { size } = await ledger.head();
    for (const prefix of ["more", "again", "and again"]) await append(prefix);
    const store = new FailingStore(file());
    store.failsAfter = 3;
    await startProjection(ledger, file(), { store, stretch: 20 });
    const way = [size + 20, size + 40, size + 60];
    assert.deepEqual(store.sizes, way);
    // As if it had been killed: what was stored last is a place on the way.
    await store.close();
    const next = new FailingStore(file());
    const { projection: again } = await startProjection(ledger, file(), { store: next });
    assert.deepEqual(next.sizes, [(await ledger.head()).size]);
    await hashOf(again);
    await again.stop();
  });

  it("loses nothing while it cannot be written, and says so", async () => {
    const store = new FailingStore(file());
    const { projection, notices } = await startProjection(ledger, file(), { store });
    store.failing = true;
    const runs = (await projection.list("runs", { limit: 1000 })).length;
    await append("more");
    await until(() => notices.length > 0);
    assert.equal(notices[0]!.code, "projection-write-failed");
    const shown = await projection.list("runs", { limit: 1000 });
    assert.ok(shown.length > runs);
    store.failing = false;
    await projection.stop();
    const again = await startProjection(ledger, file());
    assert.deepEqual(again.notices, []);
    assert.equal((await again.projection.list("runs", { limit: 1000 })).length, shown.length);
    await hashOf(again.projection);
    await again.projection.stop();
  });
});

describe("a projection beside the process that stores it", () => {
  const directory = temporaryDirectory();
  const file = (): string => directory.file("projection.db");
  let ledger: SqliteLedger;
  beforeEach(() => {
    ledger = openLedger(directory.file("ledger.db"));
  });
  afterEach(() => ledger.close());

  const readOnly = (): Promise<Projected> =>
    startProjection(ledger, file(), {
      store: new SqliteProjectionStore(file(), { readOnly: true }),
    });

  it("is read and not written, also when more was appended than is stored", async () => {
    const { projection: owner } = await startProjection(ledger, file());
    for (const { stream, events } of randomHistory(3, 25))
      await ledger.append(appendTo(stream, "any", { events }));
    const beside = await readOnly();
    assert.deepEqual(beside.notices, []);
    const query = { limit: 1000 };
    for (const kind of ["runs", "checks", "backups", "restores"] as const) {
      const ids = (await owner.list(kind, query)).map(({ id }) => id);
      const found = await beside.projection.list(kind, query);
      assert.deepEqual(
        found.map(({ id }) => id),
        ids,
      );
    }
    const hash = (await beside.projection.rebuild()).after;
    await beside.projection.stop();
    const { before, after } = await owner.rebuild();
    assert.deepEqual([before, after], [hash, hash]);
    await owner.stop();
  });

  it("is folded in memory when nothing can be read, and nothing is made or changed", async () => {
    for (const { stream, events } of randomHistory(3, 5))
      await ledger.append(appendTo(stream, "any", { events }));
    const missing = await readOnly();
    assert.equal(missing.notices[0]?.level, "info");
    assert.equal(missing.projection.state.size, (await ledger.head()).size);
    await missing.projection.stop();
    assert.equal(existsSync(file()), false);
    writeFileSync(file(), "x".repeat(10_000));
    const damaged = await readOnly();
    assert.equal(damaged.notices[0]?.code, "projection-damaged");
    const { before, after } = await damaged.projection.rebuild();
    assert.equal(before, after);
    await damaged.projection.stop();
    assert.equal(readFileSync(file(), "utf8"), "x".repeat(10_000));
  });
});

/** Throws as SQLite does on a full disk. */
class FailingStore extends SqliteProjectionStore {
  failing = false;
  failsAfter = Infinity;
  /** Of the ledger, where it was stored. */
  readonly sizes: number[] = [];

  override write(batch: ProjectionBatch): Promise<void> {
    const fails = this.failing || this.sizes.length >= this.failsAfter;
    if (!fails && batch.mark !== undefined) this.sizes.push(batch.mark.size);
    if (!fails) return super.write(batch);
    return Promise.reject(new Unavailable("projection-write-failed", "database or disk is full"));
  }
}

/** As with a page that is damaged. */
class Unreadable extends SqliteProjectionStore {
  override async *allEnded(): AsyncGenerator<readonly EndedEntity[], void, undefined> {
    yield [];
    throw new Unavailable("projection-damaged", "database disk image is malformed");
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries += 1) {
    assert.ok(tries < 500, "It did not come about");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
