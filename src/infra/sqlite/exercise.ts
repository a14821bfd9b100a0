import { constants, copyFileSync, existsSync, rmSync } from "node:fs";
import Sqlite from "better-sqlite3";
import type { StepResult, StepScript } from "../../domain/engine/database-engine.ts";
import type {
  Difference,
  Exercise,
  ExerciseRequest,
  Fixture,
} from "../../domain/engine/exercise.ts";
import { diffSchema, type SchemaObject } from "../../domain/schema/schema.ts";
import type { Failure } from "../../domain/shared/errors.ts";
import { readCatalog } from "./catalog.ts";
import { contentDigests } from "./content-digest.ts";
import { fillTables, loadRows } from "./fill-tables.ts";
import { createOwnTables, readMeta } from "./meta.ts";
import { openScratch, rehearseStep, type Scratch } from "./rehearse.ts";
import type { Session } from "./session.ts";
import { stepFailure } from "./step-fault.ts";
import { runVerifyScript } from "./verify-script.ts";

/** See `DatabaseEngine.exercise`. */
export async function exercise(session: Session, request: ExerciseRequest): Promise<Exercise> {
  const { scratchPath, up, down, fill, expect } = request;
  if (!existsSync(scratchPath)) createEmpty(scratchPath);
  const scratch = await openScratch(scratchPath);
  try {
    // Steps write where a database is managed; that they do not touch these tables is one of their checks.
    if (readMeta(scratch.db) === undefined) createOwnTables(scratch.db, session.target, 0);
    const filled = fill === null ? { rows: 0, empty: [] } : fillTables(scratch.db, fill);
    const before = contentOf(scratch);
    const first = await rehearseStep(session, scratch, up);
    if (first.status === "failed") return { filled, up: first, schema: before.schema };
    const after = contentOf(scratch);
    const held =
      expect === undefined
        ? {}
        : { expect: complaintOf(() => runVerifyScript(scratch.db, expect)) };
    const way = down && (await thereAndBack(session, scratch, { up, down, before, after }));
    const fixtures = await load(session, scratch, request.fixtures);
    return { filled, up: first, ...held, ...way, fixtures, schema: schemaOf(scratch) };
  } finally {
    scratch.db.close();
  }
}

function createEmpty(path: string): void {
  const db = new Sqlite(path);
  // Writes the header: without it the file is empty.
  db.exec("VACUUM");
  db.close();
}

interface Way {
  readonly up: StepScript;
  readonly down: StepScript;
  readonly before: Content;
  readonly after: Content;
}

/** On a copy: what a lossy way back takes away is there for the migrations that follow. */
async function thereAndBack(
  session: Session,
  scratch: Scratch,
  { up, down, before, after }: Way,
): Promise<Pick<Exercise, "down" | "back" | "again" | "forth">> {
  const path = `${scratch.path}.back`;
  await copyTo(scratch, path);
  const copy = await openScratch(path);
  try {
    const back = await rehearseStep(session, copy, down);
    if (back.status === "failed") return { down: back };
    const there = difference(before, contentOf(copy));
    const again: StepResult = await rehearseStep(session, copy, up);
    if (again.status === "failed") return { down: back, back: there, again };
    return { down: back, back: there, again, forth: difference(after, contentOf(copy)) };
  } finally {
    copy.db.close();
    for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(path + suffix, { force: true });
  }
}

/** The file is whole only while no connection has it. */
async function copyTo(scratch: Scratch, path: string): Promise<void> {
  scratch.db.pragma("wal_checkpoint(TRUNCATE)");
  scratch.db.close();
  copyFileSync(scratch.path, path, constants.COPYFILE_FICLONE);
  Object.assign(scratch, await openScratch(scratch.path));
}

interface Content {
  readonly schema: readonly SchemaObject[];
  readonly rows: ReadonlyMap<string, string>;
}

const contentOf = (scratch: Scratch): Content => ({
  schema: schemaOf(scratch),
  rows: contentDigests(scratch.db),
});

const schemaOf = ({ db }: Scratch): SchemaObject[] =>
  readCatalog(db).entries.map(
    ({ rootPage: _r, kind: _k, withoutRowid: _w, strict: _s, ...object }) => object,
  );

const difference = (wanted: Content, found: Content): Difference => ({
  schema: diffSchema(wanted.schema, found.schema).map(({ change, type, name }) => ({
    change,
    type,
    name,
  })),
  rows: [...wanted.rows]
    .filter(([table, digest]) => (found.rows.get(table) ?? digest) !== digest)
    .map(([table]) => table),
});

/** Everything is allowed to fixtures but what no script may do. */
async function load(
  session: Session,
  scratch: Scratch,
  fixtures: readonly Fixture[],
): Promise<Failure | null> {
  for (const fixture of fixtures) {
    const failure = await loadOne(session, scratch, fixture);
    if (failure !== null) return { ...failure, message: `${fixture.file}: ${failure.message}` };
  }
  return null;
}

async function loadOne(
  session: Session,
  scratch: Scratch,
  fixture: Fixture,
): Promise<Failure | null> {
  // What steps carry from one to the next knows nothing of what is written beside them.
  scratch.known = undefined;
  if ("rows" in fixture) return complaintOf(() => loadRows(scratch.db, fixture));
  const { file, sql } = fixture;
  const result = await rehearseStep(session, scratch, {
    version: file,
    name: file,
    direction: "up",
    checksum: "",
    sql,
    transaction: "required",
    allow: { rowLoss: schemaOf(scratch).map(({ table }) => table) },
  });
  return result.status === "failed" ? result.error : null;
}

function complaintOf(act: () => void): Failure | null {
  try {
    act();
    return null;
  } catch (error) {
    return stepFailure(error);
  }
}
