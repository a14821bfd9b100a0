import assert from "node:assert/strict";
import Sqlite from "better-sqlite3";
import { statSync } from "node:fs";
import { leafHash, push } from "../../../src/domain/ledger/merkle.ts";
import { signsAlone } from "../../../src/domain/shared/signer.ts";
import { Ed25519Signer } from "../../../src/infra/signing/ed25519-signer.ts";
import { openLedgerFile } from "../../../src/infra/sqlite/ledger-connection.ts";
import { digest } from "../../support/digest.ts";
import { appendTo, context, query, revoked } from "../../support/ledger-samples.ts";
import { openLedger, SIGNER } from "../../support/sqlite-ledger.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

describe("the ledger file", () => {
  const directory = temporaryDirectory();
  const file = (): string => directory.file("ledger.db");

  /** Five events, a content, two keys and a checkpoint. */
  async function filled(): Promise<void> {
    const ledger = openLedger(file());
    const contents = [{ digest: digest.ofText("x"), text: "x" }];
    await ledger.append(appendTo("a", "none", { events: revoked(5), contents, once: ["o"] }));
    const idempotency = { key: "k", requestHash: "h" };
    await ledger.append(appendTo("a", "any", { events: [], context: context({ idempotency }) }));
    await ledger.checkpoint();
    await ledger.rememberAnswer("k", "{}");
    await ledger.close();
  }

  describe("refuses", () => {
    const copy = (idx: number, id: string, stream: string, place: number): string =>
      `INTO event SELECT ${idx}, ${id}, ${stream}, ${place}, type, v, time, actor, actor_kind,
        correlation, causation, leaf, leaf_hash FROM event WHERE idx = 0`;
    const statements: Readonly<Record<string, string>> = {
      "an UPDATE of a leaf": "UPDATE event SET leaf = x'00' WHERE idx = 1",
      "an UPDATE of a search column": "UPDATE event SET type = 'Other' WHERE idx = 1",
      "an UPDATE that changes nothing": "UPDATE event SET v = v",
      "an UPDATE of a payload": "UPDATE payload SET data = '{}' WHERE idx = 1",
      "an UPDATE of a salt": "UPDATE payload SET salt = x'00' WHERE idx = 1",
      "erasing a payload but not its salt": `UPDATE payload
        SET data = NULL, erased_at = 'now', erase_reason = 'r' WHERE idx = 1`,
      "erasing a payload without a reason":
        "UPDATE payload SET data = NULL, salt = NULL, erased_at = 'now' WHERE idx = 1",
      "erasing a payload without a time":
        "UPDATE payload SET data = NULL, salt = NULL, erase_reason = 'r' WHERE idx = 1",
      "moving a payload": `UPDATE payload SET idx = 9, data = NULL, salt = NULL,
        erased_at = 'now', erase_reason = 'r' WHERE idx = 4`,
      "a DELETE of a payload": "DELETE FROM payload WHERE idx = 4",
      "a REPLACE of a payload": "REPLACE INTO payload VALUES (1, x'00', '{}', NULL, NULL)",
      "an upsert of a payload": `INSERT INTO payload VALUES (1, x'00', '{}', NULL, NULL)
        ON CONFLICT DO UPDATE SET data = excluded.data`,
      "a payload without an event": "INSERT INTO payload VALUES (5, x'00', '{}', NULL, NULL)",
      "a DELETE of an event": "DELETE FROM event WHERE idx = 4",
      "a DELETE of all events": "DELETE FROM event",
      "an index that skips one": `INSERT ${copy(6, "'new'", "'b'", 0)}`,
      "an index below zero": `INSERT ${copy(-1, "'new'", "'b'", 0)}`,
      "an index again": `INSERT ${copy(4, "'new'", "'b'", 0)}`,
      "an older index again": `INSERT ${copy(2, "'new'", "'b'", 0)}`,
      "a REPLACE of an older event": `INSERT OR REPLACE ${copy(2, "'new'", "'b'", 0)}`,
      "an INSERT OR FAIL past a gap": `INSERT OR FAIL ${copy(6, "'new'", "'b'", 0)}`,
      "an INSERT OR IGNORE past a gap": `INSERT OR IGNORE ${copy(6, "'new'", "'b'", 0)}`,
      "an index far beyond": `INSERT ${copy(Number.MAX_SAFE_INTEGER, "'new'", "'b'", 0)}`,
      "a REPLACE of an event": `INSERT OR REPLACE ${copy(4, "'new'", "'b'", 0)}`,
      "a REPLACE through the id": `INSERT OR REPLACE ${copy(5, "id", "'b'", 0)}`,
      "a REPLACE through the place": `INSERT OR REPLACE ${copy(5, "'new'", "stream", 0)}`,
      "an UPDATE OR REPLACE": "UPDATE OR REPLACE event SET idx = 3 WHERE idx = 4",
      "a DELETE of the head": "DELETE FROM ledger_head",
      "a shrinking head": "UPDATE ledger_head SET size = 4, frontier = zeroblob(32)",
      "a head ahead of the events": "UPDATE ledger_head SET size = 6",
      "another origin": "UPDATE ledger_head SET origin = 'other'",
      "a second head": "INSERT INTO ledger_head VALUES (2, 'other', 0, x'', '', 0)",
      "a REPLACE of the head": "REPLACE INTO ledger_head VALUES (1, 'other', 0, x'', '', 0)",
      "another text of a content": "UPDATE content SET text = 'y'",
      "a DELETE of a content": "DELETE FROM content",
      "another answer": "UPDATE idem SET answer = 'other'",
      "no answer again": "UPDATE idem SET answer = NULL",
      "another request": "UPDATE idem SET request_hash = 'other'",
      "a DELETE of a key": "DELETE FROM idem",
      "a REPLACE of a key": "REPLACE INTO idem VALUES ('k', 'h', NULL, NULL, 'other')",
      "an UPDATE of a once key": "UPDATE once_key SET first_idx = 1",
      "a DELETE of a once key": "DELETE FROM once_key",
      "another note of a checkpoint": "UPDATE checkpoint SET note = ''",
      "a DELETE of a checkpoint": "DELETE FROM checkpoint",
    };
    for (const [what, sql] of Object.entries(statements)) {
      it(what, async () => {
        await filled();
        const db = openLedgerFile(file(), { origin: SIGNER.name });
        const dump = (): unknown =>
          ["event", "payload", "ledger_head", "content", "idem", "once_key", "checkpoint"].map(
            (table) => db.prepare(`SELECT * FROM ${table}`).all(),
          );
        const before = dump();
        assert.throws(() => db.exec(sql), { code: /^SQLITE_CONSTRAINT/ });
        assert.deepEqual(dump(), before);
        db.close();
      });
    }
  });

  it("lets a payload be erased, which readers then report", async () => {
    await filled();
    const db = openLedgerFile(file(), { origin: SIGNER.name });
    const erase = `UPDATE payload SET data = NULL, salt = NULL, erased_at = '2026',
      erase_reason = 'asked for' WHERE idx = 1`;
    db.exec(erase);
    assert.throws(() => db.exec(erase), { code: "SQLITE_CONSTRAINT_TRIGGER" });
    db.close();
    const ledger = openLedger(file());
    await assert.rejects(ledger.read(query()), { code: "payload-erased", details: { index: 1 } });
    assert.equal((await ledger.read(query({ after: 1 }))).length, 3);
    await ledger.close();
  });

  it("is its owner's alone, and durable", async () => {
    const ledger = openLedger(file());
    await ledger.append(appendTo("a"));
    for (const name of ["ledger.db", "ledger.db-wal"]) {
      assert.equal(statSync(directory.file(name)).mode & 0o777, 0o600);
    }
    await ledger.close();
    const db = openLedgerFile(file(), { origin: SIGNER.name });
    const pragmas = ["journal_mode", "synchronous", "recursive_triggers", "foreign_keys"];
    assert.deepEqual(
      pragmas.map((name) => db.pragma(name, { simple: true })),
      ["wal", 2, 1, 1],
    );
    db.close();
  });

  it("holds nothing but its head until the first event", async () => {
    const ledger = openLedger(file());
    assert.equal((await ledger.checkpoint()).size, 0);
    await ledger.close();
    const db = new Sqlite(file());
    assert.equal(db.prepare("SELECT count(*) FROM event").pluck().get(), 0);
    assert.equal(db.prepare("SELECT origin FROM ledger_head").pluck().get(), SIGNER.name);
    db.close();
  });

  it("is refused when a newer release wrote it, or another program", async () => {
    await filled();
    const db = new Sqlite(file());
    db.pragma("user_version = 2");
    assert.throws(() => openLedger(file()), { code: "ledger-too-new" });
    db.pragma("application_id = 1");
    assert.throws(() => openLedger(file()), { code: "ledger-foreign-file" });
    db.close();
    assert.throws(() => openLedger(directory.file("none.db"), { readOnly: true }), {
      code: "ledger-missing",
    });
  });

  it("is refused under another signer's name", async () => {
    await filled();
    const signer = Ed25519Signer.fromSeed("other.example", new Uint8Array(32).fill(1));
    const signers = signsAlone(signer);
    assert.throws(() => openLedger(file(), { signers }), { code: "ledger-origin-differs" });
    assert.throws(() => openLedger(file(), { origin: "other.example" }), {
      code: "origin-is-not-signer",
    });
  });

  it("is refused when its last events are gone", async () => {
    await filled();
    const db = new Sqlite(file());
    db.exec(`DROP TRIGGER event_no_delete; DROP TRIGGER payload_no_delete;
      DELETE FROM payload WHERE idx = 4; DELETE FROM event WHERE idx = 4`);
    db.close();
    assert.throws(() => openLedger(file()), { code: "ledger-damaged" });
  });

  it("is refused when events were added behind its head", async () => {
    await filled();
    const db = new Sqlite(file());
    db.exec(`INSERT INTO event SELECT 5, 'new', 'b', 0, type, v, time, actor, actor_kind,
      correlation, causation, leaf, leaf_hash FROM event WHERE idx = 0`);
    db.close();
    assert.throws(() => openLedger(file()), { code: "ledger-damaged" });
  });

  it("is refused when its last event was edited, even under a recomputed hash", async () => {
    await filled();
    const db = new Sqlite(file());
    const leaf = Buffer.from("{}");
    const hash = leafHash(digest.sha256, leaf);
    db.exec("DROP TRIGGER event_no_update; DROP TRIGGER checkpoint_no_delete");
    db.exec("DELETE FROM checkpoint");
    db.prepare("UPDATE event SET leaf = ?, leaf_hash = ? WHERE idx = 4").run(leaf, hash);
    db.close();
    assert.throws(() => openLedger(file()), { code: "ledger-damaged" });
  });

  it("has the head of its events after every append", async () => {
    const ledger = openLedger(file());
    const db = new Sqlite(file(), { readonly: true });
    const stored = db.prepare("SELECT size, frontier FROM ledger_head");
    const hashes: Uint8Array[] = [];
    for (const count of [1, 1, 3, 1, 10, 1]) {
      const { events } = await ledger.append(appendTo("a", "any", { events: revoked(count) }));
      hashes.push(...events.map((event) => event.leafHash));
      const row = stored.get() as { size: number; frontier: Uint8Array };
      const frontier: Uint8Array[] = [];
      for (const [i, hash] of hashes.entries()) push(digest.sha256, frontier, i, hash);
      assert.deepEqual([row.size, row.frontier], [hashes.length, Buffer.concat(frontier)]);
    }
    db.close();
    await ledger.close();
  });

  it("refuses a head over an event whose leaf is too long or whose hash is none", async () => {
    for (const [leaf, hash] of [
      ["zeroblob(65536)", "zeroblob(32)"],
      ["x'7b7d'", "zeroblob(31)"],
    ]) {
      await filled();
      const db = openLedgerFile(file(), { origin: SIGNER.name });
      const before = db.prepare("SELECT count(*) FROM event").pluck().get() as number;
      db.exec(`BEGIN; INSERT INTO event SELECT ${before}, 'new', 'b', 0, type, v, time, actor,
        actor_kind, correlation, causation, ${leaf}, ${hash} FROM event WHERE idx = 0`);
      const grow = `UPDATE ledger_head SET size = ${before + 1}`;
      assert.throws(() => db.exec(grow), { code: "SQLITE_CONSTRAINT_TRIGGER" });
      assert.equal(db.inTransaction, false);
      assert.equal(db.prepare("SELECT count(*) FROM event").pluck().get(), before);
      db.close();
    }
  });

  it("has a gap refused at the end of a transaction, with all that it wrote", async () => {
    await filled();
    const db = openLedgerFile(file(), { origin: SIGNER.name });
    const insert = (idx: number): string => `INSERT INTO event SELECT ${idx}, 'new-${idx}', 'b',
      ${idx}, type, v, time, actor, actor_kind, correlation, causation, leaf, leaf_hash
      FROM event WHERE idx = 0`;
    db.exec(`BEGIN; ${insert(5)}; ${insert(7)}`);
    assert.throws(() => db.exec("COMMIT"), { code: "SQLITE_CONSTRAINT_FOREIGNKEY" });
    db.exec("ROLLBACK");
    assert.equal(db.prepare("SELECT count(*) FROM event").pluck().get(), 5);
    db.close();
  });

  it("gives no event the payload of another when payloads are missing", async () => {
    await filled();
    const db = new Sqlite(file());
    db.exec("DROP TRIGGER payload_no_delete; DELETE FROM payload WHERE idx = 4");
    const ledger = openLedger(file());
    const several = appendTo("a", "any", { events: revoked(3) });
    await assert.rejects(ledger.append(several), { code: "ledger-write-failed" });
    assert.equal((await ledger.head()).size, 5);
    const [one] = (await ledger.append(appendTo("a"))).events;
    const stored = db.prepare("SELECT data FROM payload WHERE idx = 5").pluck().get() as string;
    assert.deepEqual(JSON.parse(stored), { context: one?.context, data: one?.data });
    await ledger.close();
    db.close();
  });

  it("is refused when an older head was put back under a signed checkpoint", async () => {
    await filled();
    const db = new Sqlite(file());
    db.exec(`DROP TRIGGER event_no_delete; DROP TRIGGER payload_no_delete;
      DROP TRIGGER ledger_head_grows; DELETE FROM payload; DELETE FROM event; UPDATE ledger_head SET size = 0, frontier = x''`);
    db.close();
    assert.throws(() => openLedger(file()), { code: "ledger-damaged" });
  });
});
