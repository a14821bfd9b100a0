import Sqlite from "better-sqlite3";
import { existsSync } from "node:fs";
import type { Checkpoint } from "../../domain/ledger/ledger.ts";
import { parseVerifierKey, type VerifierKey } from "../../domain/ledger/verifier-key.ts";
import type { Digest } from "../../domain/shared/digest.ts";
import { Unavailable } from "../../domain/shared/errors.ts";
import { LedgerReader } from "./ledger-reader.ts";
import { SqliteTransparencyLog } from "./sqlite-transparency-log.ts";

/**
 * A ledger file read without the service, and beside it: what it says of itself. Nothing is
 * verified here, and nothing written.
 */
export class LedgerOnDisk {
  readonly origin: string;
  readonly log: SqliteTransparencyLog;
  readonly #db: Sqlite.Database;
  readonly #reader: LedgerReader;
  readonly #digest: Digest;

  /** `tileCache`: hashes that a service keeps; used if they are there. Error: Unavailable ledger-missing. */
  constructor(file: string, digest: Digest, tileCache: string) {
    if (!existsSync(file))
      throw new Unavailable("ledger-missing", `There is no ledger at ${file}`, {
        hint: "Name its data directory with --data",
      });
    this.#db = new Sqlite(file, { readonly: true });
    this.#digest = digest;
    this.#reader = new LedgerReader(this.#db);
    this.origin = this.#reader.head().origin;
    const cache = { file: tileCache, readOnly: true };
    this.log = new SqliteTransparencyLog({ file, origin: this.origin, cache, digest });
  }

  get newestCheckpoint(): Checkpoint | undefined {
    return this.#reader.newestCheckpoint();
  }

  content = async (digest: string): Promise<string | undefined> => this.#reader.content(digest);

  /** Every key that the ledger says signed it, as text, the newest first. */
  keyTexts(): readonly string[] {
    return this.#named().flatMap(({ type, key }) =>
      type === "KeyRetired" || key === undefined ? [] : [key],
    );
  }

  /** Every key that the ledger says signed it, the newest first; of those that still do, the texts. */
  keys(): { readonly all: readonly VerifierKey[]; readonly active: readonly string[] } {
    const named = this.#named();
    const all = named.filter(({ type, key }) => type !== "KeyRetired" && key !== undefined);
    const retired = new Set(named.flatMap((one) => (one.type === "KeyRetired" ? [one.key] : [])));
    const texts = all.map(({ key }) => key!);
    return {
      all: texts.map((text) => parseVerifierKey(this.#digest, text)),
      active: texts.filter((text) => !retired.has(text)),
    };
  }

  #named(): readonly { readonly type: string; readonly key: string | undefined }[] {
    const rows = this.#db
      .prepare(
        `SELECT e.type, p.data FROM event e JOIN payload p USING (idx)
           WHERE e.type IN ('LedgerOpened', 'LedgerContinued', 'KeyRotated', 'KeyRetired')
             AND p.data IS NOT NULL ORDER BY e.idx DESC`,
      )
      .all() as { readonly type: string; readonly data: string }[];
    return rows.map(({ type, data }) => ({ type, key: keyIn(data) }));
  }

  async close(): Promise<void> {
    await this.log.close();
    this.#db.close();
  }
}

function keyIn(payload: string): string | undefined {
  const { data } = JSON.parse(payload) as { data: { verifierKey?: unknown } };
  return typeof data.verifierKey === "string" ? data.verifierKey : undefined;
}
