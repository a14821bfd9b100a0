import assert from "node:assert/strict";
import Sqlite from "better-sqlite3";
import type { DomainEvent } from "../../../src/domain/events.ts";
import { leafHash } from "../../../src/domain/ledger/merkle.ts";
import { verifyLedgerFile, type LedgerFinding } from "../../../src/infra/sqlite/verify-ledger.ts";
import type { Checkpoint } from "../../../src/domain/ledger/ledger.ts";
import { verificationExit } from "../../../src/domain/ledger/verification-exit.ts";
import { digest } from "../../support/digest.ts";
import { appendTo, revoked } from "../../support/ledger-samples.ts";
import { openLedger, SIGNER } from "../../support/sqlite-ledger.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const options = { digest, verifierKeys: [SIGNER.verifierKey] };

describe("verifying a ledger", () => {
  const directory = temporaryDirectory();
  const file = (): string => directory.file("ledger.db");

  async function filled(): Promise<void> {
    const ledger = openLedger(file());
    const contents = [{ digest: digest.ofText("x"), text: "x" }];
    for (const stream of ["a", "b", "a"]) {
      await ledger.append(appendTo(stream, "any", { events: revoked(3), contents }));
      await ledger.checkpoint();
    }
    await ledger.close();
  }

  /** Does what someone does who has the file and no respect for triggers. */
  function tamper(work: (db: Sqlite.Database) => void): void {
    const db = new Sqlite(file());
    db.pragma("foreign_keys = OFF");
    const triggers = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").pluck();
    for (const name of triggers.all() as string[]) db.exec(`DROP TRIGGER ${name}`);
    work(db);
    db.close();
  }

  async function findings(): Promise<readonly string[]> {
    const { ok, findings: found } = await verifyLedgerFile(file(), options);
    assert.equal(ok, found.length === 0);
    return found.map(({ code, index }: LedgerFinding) =>
      index === undefined ? code : `${code} ${index}`,
    );
  }

  it("misses no text of what is appended meanwhile", async () => {
    await filled();
    const ledger = openLedger(file());
    const text = (n: number) => ({ digest: digest.ofText(`note ${n}`), text: `note ${n}` });
    const anchored = (n: number): DomainEvent => ({
      type: "CheckpointAnchored",
      data: {
        kind: "timestamp",
        by: "http://tsa",
        size: 1,
        root: "",
        time: "2026-01-01T00:00:00Z",
        token: text(n).digest,
        note: text(n).digest,
      },
    });
    let verified = false;
    const verifying = verifyLedgerFile(file(), options).finally(() => (verified = true));
    for (let n = 0; n < 200 && !verified; n += 1)
      await ledger.append(appendTo("c", "any", { events: [anchored(n)], contents: [text(n)] }));
    assert.deepEqual((await verifying).findings, []);
    await ledger.close();
    assert.deepEqual(await findings(), []);
  });

  it("finds nothing in an honest one, open or closed", async () => {
    await filled();
    const ledger = openLedger(file());
    const open = await verifyLedgerFile(file(), options);
    assert.deepEqual(
      { ...open, root: undefined },
      {
        ok: true,
        size: 9,
        root: undefined,
        checkedEvents: 9,
        erasedPayloads: 0,
        findings: [],
      },
    );
    assert.deepEqual(Buffer.from(open.root), Buffer.from((await ledger.head()).root));
    await ledger.close();
    assert.deepEqual(await verifyLedgerFile(file(), options), open);
  });

  it("finds nothing in an empty one", async () => {
    await openLedger(file()).close();
    assert.deepEqual(await findings(), []);
  });

  it("runs beside appends", async () => {
    await filled();
    const ledger = openLedger(file());
    const verifying = verifyLedgerFile(file(), options);
    for (let i = 0; i < 20; i += 1) await ledger.append(appendTo("a"));
    assert.equal((await verifying).ok, true);
    await ledger.close();
  });

  const sql: Readonly<Record<string, readonly [sql: string, found: readonly string[]]>> = {
    "an edited payload": [
      "UPDATE payload SET data = replace(data, 'rotated', 'lost') WHERE idx = 4",
      ["payload-differs 4"],
    ],
    "an edited salt": [
      "UPDATE payload SET salt = zeroblob(16) WHERE idx = 4",
      ["payload-differs 4"],
    ],
    "the payload of another event": [
      `UPDATE payload SET (salt, data) = (SELECT salt, data FROM payload WHERE idx = 5)
         WHERE idx = 4`,
      ["payload-differs 4"],
    ],
    "an erased payload": [
      `UPDATE payload SET salt = NULL, data = NULL, erased_at = 'x', erase_reason = 'y'
         WHERE idx = 4`,
      ["payload-missing 4"],
    ],
    "a deleted payload": ["DELETE FROM payload WHERE idx = 4", ["payload-missing 4"]],
    "a payload of no event": [
      "INSERT INTO payload VALUES (9, x'00', '{}', NULL, NULL)",
      ["file-damaged"],
    ],
    "an edited column": ["UPDATE event SET actor = 'act_x' WHERE idx = 2", ["column-differs 2"]],
    "an edited time": ["UPDATE event SET time = '2020' WHERE idx = 2", ["column-differs 2"]],
    "an edited leaf hash": [
      "UPDATE event SET leaf_hash = zeroblob(32) WHERE idx = 2",
      ["leaf-hash-differs 2"],
    ],
    "an edited content": ["UPDATE content SET text = 'y'", ["content-differs"]],
    "an edited frontier": ["UPDATE ledger_head SET frontier = zeroblob(64)", ["head-differs"]],
    "a note with another text": [
      "UPDATE checkpoint SET note = replace(note, 'prod', 'test') WHERE size = 3",
      ["checkpoint-malformed"],
    ],
    "the note of another size": [
      "UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE size = 6) WHERE size = 3",
      ["checkpoint-malformed"],
    ],
  };
  for (const [what, [statement, found]] of Object.entries(sql)) {
    it(`finds ${what}`, async () => {
      await filled();
      tamper((db) => db.exec(statement));
      assert.deepEqual(await findings(), found);
    });
  }

  it("finds an edited leaf, also under a recomputed hash", async () => {
    await filled();
    tamper((db) => {
      const leaf = db.prepare("SELECT leaf FROM event WHERE idx = 4").pluck().get() as Buffer;
      const edited = Buffer.from(leaf.toString().replace("KeyRevoked", "KeyRevokes"));
      db.prepare("UPDATE event SET leaf = ?, type = 'KeyRevokes' WHERE idx = 4").run(edited);
    });
    const rest = ["head-differs", "checkpoint-differs", "checkpoint-differs"];
    assert.deepEqual(await findings(), ["leaf-hash-differs 4", ...rest]);
    tamper((db) => {
      const leaf = db.prepare("SELECT leaf FROM event WHERE idx = 4").pluck().get() as Buffer;
      const hash = leafHash(digest.sha256, leaf);
      db.prepare("UPDATE event SET leaf_hash = ? WHERE idx = 4").run(hash);
    });
    assert.deepEqual(await findings(), rest);
  });

  it("finds other bytes that read as the same text", async () => {
    const ledger = openLedger(file());
    await ledger.append(appendTo("a\uFFFDb", "any", { events: revoked(3, "\uFFFD") }));
    await ledger.checkpoint();
    await ledger.close();
    assert.deepEqual(await findings(), []);
    tamper((db) => {
      const leaf = db.prepare("SELECT leaf FROM event WHERE idx = 1").pluck().get() as Buffer;
      const at = leaf.indexOf("\uFFFD");
      // The start of a character of four bytes: read as one U+FFFD, which takes three as well.
      Buffer.from("f09f98", "hex").copy(leaf, at);
      assert.match(leaf.toString(), /a\uFFFDb/);
      db.prepare("UPDATE event SET leaf = ? WHERE idx = 1").run(leaf);
    });
    const found = ["leaf-hash-differs 1", "leaf-malformed 1", "head-differs", "checkpoint-differs"];
    assert.deepEqual(await findings(), found);
  });

  it("finds a leaf that is no longer JSON", async () => {
    await filled();
    tamper((db) => db.exec("UPDATE event SET leaf = x'ff00' WHERE idx = 8"));
    const found = ["leaf-hash-differs 8", "leaf-malformed 8", "head-differs", "checkpoint-differs"];
    assert.deepEqual(await findings(), found);
  });

  it("finds a deleted event in the middle", async () => {
    await filled();
    tamper((db) => db.exec("DELETE FROM event WHERE idx = 4"));
    const found = await findings();
    assert.deepEqual(found.slice(0, 2), ["event-missing 4", "stream-version-differs 5"]);
    assert.ok(found.includes("head-differs") && found.includes("checkpoint-differs"));
  });

  it("finds deleted events at the end", async () => {
    await filled();
    tamper((db) => db.exec("DELETE FROM event WHERE idx >= 7"));
    const found = ["event-missing 7", "head-differs", "checkpoint-differs"];
    assert.deepEqual(await findings(), [...found, "file-damaged"]);
    tamper((db) => db.exec("DELETE FROM payload WHERE idx >= 7"));
    assert.deepEqual(await findings(), found);
  });

  it("finds deleted events at the end although the head was set back", async () => {
    await filled();
    tamper((db) => {
      db.exec(`DELETE FROM payload WHERE idx >= 1; DELETE FROM event WHERE idx >= 1; UPDATE ledger_head
        SET size = 1, frontier = (SELECT leaf_hash FROM event)`);
    });
    const differs = "checkpoint-differs";
    assert.deepEqual(await findings(), [differs, differs, differs]);
  });

  describe("in parts", () => {
    const small = { ...options, range: 16 };

    async function long(): Promise<readonly Checkpoint[]> {
      const ledger = openLedger(file());
      const checkpoints: Checkpoint[] = [];
      for (const count of [5, 27, 32, 33, 50]) {
        await ledger.append(appendTo(`s${count % 2}`, "any", { events: revoked(count) }));
        checkpoints.push(await ledger.checkpoint());
      }
      await ledger.close();
      return checkpoints;
    }
    const named = ({ size, root }: Checkpoint) => ({ size, root, name: `size ${size}` });
    const codes = (found: Awaited<ReturnType<typeof verifyLedgerFile>>): string[] =>
      found.findings.map(({ code, index }) => (index === undefined ? code : `${code} ${index}`));

    it("gives the same in one thread and in several", async () => {
      await long();
      const once = await verifyLedgerFile(file(), options);
      assert.deepEqual([once.ok, once.checkedEvents], [true, 147]);
      for (const workers of [0, 1, 2])
        assert.deepEqual(await verifyLedgerFile(file(), { ...small, workers }), once);
      tamper((db) => db.exec("UPDATE payload SET data = '{}' WHERE idx IN (3, 77, 146)"));
      const found = await verifyLedgerFile(file(), { ...small, workers: 2 });
      assert.deepEqual(codes(found), [
        "payload-differs 3",
        "payload-differs 77",
        "payload-differs 146",
      ]);
    });

    it("goes on from a checkpoint that was verified before, and reads what is newer alone", async () => {
      const checkpoints = await long();
      const whole = await verifyLedgerFile(file(), options);
      for (const since of checkpoints.map(named)) {
        const found = await verifyLedgerFile(file(), {
          ...small,
          since,
          kept: checkpoints.map(named),
        });
        assert.deepEqual([codes(found), found.checkedEvents], [[], 147 - since.size]);
        assert.deepEqual(Buffer.from(found.root), Buffer.from(whole.root));
      }
      tamper((db) => db.exec("UPDATE payload SET data = '{}' WHERE idx IN (3, 146)"));
      const found = await verifyLedgerFile(file(), { ...small, since: named(checkpoints[1]!) });
      assert.deepEqual(codes(found), ["payload-differs 146"]);
    });

    it("reads everything when the ledger does not continue that checkpoint", async () => {
      const [, second] = await long();
      const since = { ...named(second!), root: new Uint8Array(32) };
      const found = await verifyLedgerFile(file(), { ...small, since });
      assert.deepEqual([codes(found), found.checkedEvents], [["kept-checkpoint-differs"], 147]);
    });

    it("tells a kept checkpoint that is ahead from one that differs", async () => {
      const [first] = await long();
      const root = new Uint8Array(32);
      const kept = [named(first!), { size: 5, root, name: "a" }, { size: 148, root, name: "b" }];
      const found = await verifyLedgerFile(file(), { ...small, kept });
      assert.deepEqual(codes(found), ["kept-checkpoint-differs", "kept-checkpoint-ahead"]);
      assert.equal(verificationExit(found.findings), 20);
    });

    it("finds what is missing between two parts", async () => {
      await long();
      tamper((db) =>
        db.exec("DELETE FROM payload WHERE idx = 16; DELETE FROM event WHERE idx = 16"),
      );
      for (const workers of [0, 2]) {
        const found = codes(await verifyLedgerFile(file(), { ...small, workers }));
        assert.deepEqual(found.slice(0, 2), ["event-missing 16", "stream-version-differs 17"]);
        assert.ok(found.includes("checkpoint-differs"));
      }
    });
  });
});
