import Database from "better-sqlite3";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type {
  DatabaseTarget,
  StepRequest,
  StepResult,
} from "../../../../src/domain/engine/database-engine.ts";
import { DomainError } from "../../../../src/domain/shared/errors.ts";
import { SqliteEngine } from "../../../../src/infra/sqlite/sqlite-engine.ts";
import { stepScript } from "../../managed-database.ts";
import { contentDigest } from "../../chaos/story.ts";
import { applyOne } from "../../step-results.ts";

/** Journal modes that differ in what they write, and when. */
export type Journal = "wal" | "delete";

/** Which database, wherever it lies at the moment. */
export type Identity = Omit<DatabaseTarget, "url">;

export const databaseFile = (root: string): string => join(root, "app.db");

/** An engine that does its work in this process. */
export const engineOf = (root: string, identity: Identity): SqliteEngine =>
  new SqliteEngine(
    { ...identity, url: databaseFile(root) },
    { onProgress: () => {}, onTablesSaved: () => Promise.resolve() },
  );

/** Does something with an engine, which is closed afterwards. */
export async function withEngine<T>(
  root: string,
  identity: Identity,
  use: (engine: SqliteEngine) => Promise<T>,
): Promise<T> {
  const engine = engineOf(root, identity);
  try {
    return await use(engine);
  } finally {
    engine.close();
  }
}

/** A small managed database. */
export async function makeDatabase(root: string, journal: Journal): Promise<Identity> {
  const identity: Identity = {
    engine: "sqlite",
    databaseId: randomUUID(),
    origin: "ledger.example/test",
    incarnation: randomUUID(),
  };
  const db = new Database(databaseFile(root));
  db.pragma(`journal_mode = ${journal}`);
  db.exec(`CREATE TABLE item (id INTEGER PRIMARY KEY, n INTEGER NOT NULL, label TEXT NOT NULL);
    WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 300)
    INSERT INTO item SELECT i, i * 7 % 101, 'the label of number ' || i FROM c`);
  db.close();
  await withEngine(root, identity, (engine) => engine.install(1));
  return identity;
}

export async function stepRequest(
  root: string,
  identity: Identity,
  sql: string,
  token: number,
): Promise<StepRequest> {
  const { fingerprint } = await withEngine(root, identity, (engine) => engine.schema());
  return {
    ...stepScript(sql),
    version: String(token),
    attempt: randomUUID(),
    planDigest: "sha256:plan",
    token,
    intentIndex: token,
    intentLeafHash: "ab".repeat(32),
    checkpoint: null,
    at: "2026-01-01T00:00:00.000Z",
    expectedBefore: fingerprint,
    follows: null,
    appliedBefore: null,
    expectedAfter: null,
    lockTimeoutMs: 200,
    tableBackup: null,
  };
}

/** Applies a step, or throws what it failed with. */
export async function applyStep(
  root: string,
  identity: Identity,
  request: StepRequest,
): Promise<void> {
  requireApplied(await withEngine(root, identity, (engine) => applyOne(engine, request)));
}

/** Throws what the step failed with. */
export function requireApplied(result: StepResult): void {
  if (result.status === "failed") throw new StepFailed(result.error.code, result.error.message);
}

class StepFailed extends DomainError {
  override readonly code: string;

  constructor(code: string, message: string) {
    super(code, message);
    this.code = code;
  }
}

/** What a stranger finds in the file: content, soundness, incarnation, and attempts that are done. */
export interface FoundDatabase {
  readonly digest: string;
  readonly soundness: string;
  readonly incarnation: string;
  readonly attempts: readonly string[];
}

export function readDatabase(file: string): FoundDatabase {
  const db = new Database(file, { fileMustExist: true });
  try {
    return {
      soundness: String(db.pragma("integrity_check(1)", { simple: true })),
      digest: contentDigest(db),
      incarnation: db
        .prepare<[], string>("SELECT incarnation FROM schemaledger_meta")
        .pluck()
        .get()!,
      attempts: db
        .prepare<[], string>("SELECT attempt FROM schemaledger_marker WHERE phase = 'done'")
        .pluck()
        .all(),
    };
  } finally {
    db.close();
  }
}
