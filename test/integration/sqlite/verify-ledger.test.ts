import assert from "node:assert/strict";
import Sqlite from "better-sqlite3";
import { leafHash } from "../../../src/domain/ledger/merkle.ts";
import { verifyLedgerFile, type LedgerFinding } from "../../../src/infra/sqlite/verify-ledger.ts";
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
});
