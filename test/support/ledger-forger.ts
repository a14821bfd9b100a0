import Sqlite from "better-sqlite3";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { signCheckpoint } from "../../src/domain/ledger/checkpoint.ts";
import { leafHash, push, rootOf } from "../../src/domain/ledger/merkle.ts";
import { signsAlone } from "../../src/domain/shared/signer.ts";
import { Ed25519Signer } from "../../src/infra/signing/ed25519-signer.ts";
import { digest } from "./digest.ts";

/** Works on a ledger file as someone does who has it and no respect for triggers. */
export function tamper(data: string, work: (db: Sqlite.Database) => void): void {
  const db = new Sqlite(join(data, "ledger.db"));
  db.pragma("foreign_keys = OFF");
  const triggers = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").pluck();
  for (const name of triggers.all() as string[]) db.exec(`DROP TRIGGER ${name}`);
  work(db);
  db.close();
}

/** Makes everything fit what the events say now, and signs it with the stolen key. */
export async function signAgain(data: string): Promise<void> {
  const keys = join(data, "keys");
  const file = readdirSync(keys).find((name) => name.startsWith("signing"))!;
  const db = new Sqlite(join(data, "ledger.db"));
  const origin = db.prepare("SELECT origin FROM ledger_head").pluck().get() as string;
  const signer = await Ed25519Signer.load(join(keys, file), origin);
  const frontier: Uint8Array[] = [];
  let size = 0;
  const rows = db.prepare("SELECT idx, leaf FROM event ORDER BY idx").all();
  for (const { idx, leaf } of rows as { idx: number; leaf: Buffer }[]) {
    const hash = leafHash(digest.sha256, leaf);
    db.prepare("UPDATE event SET leaf_hash = ? WHERE idx = ?").run(hash, idx);
    push(digest.sha256, frontier, size++, hash);
  }
  const head = { origin, size, root: rootOf(digest.sha256, frontier) };
  const { note } = await signCheckpoint(digest, signsAlone(signer), head);
  db.prepare("UPDATE ledger_head SET size = ?, frontier = ?").run(size, Buffer.concat(frontier));
  db.exec("DELETE FROM checkpoint");
  db.prepare("INSERT INTO checkpoint VALUES (?, ?, ?, '')").run(size, head.root, note);
  db.close();
  writeFileSync(join(data, "checkpoint"), note);
  // What is folded and worked out from the events is made anew when it is gone.
  for (const name of readdirSync(data))
    if (/^(projection|tiles)/.test(name)) rmSync(join(data, name), { recursive: true });
}
