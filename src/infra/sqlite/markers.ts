import type { StepRequest } from "../../domain/engine/database-engine.ts";
import { prepared, type Connection } from "./connection.ts";

export type Phase = "started" | "done" | "reverted";

/** Writes the marker of an attempt. `note`: the fingerprint after the step, or the probe. */
export function writeMarker(db: Connection, step: StepRequest, phase: Phase, note: string): void {
  prepared(db, "INSERT INTO main.schemaledger_marker VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)").run(
    step.attempt,
    phase,
    step.version,
    step.planDigest,
    step.checksum,
    step.intentIndex,
    Buffer.from(step.intentLeafHash, "hex"),
    step.checkpoint,
    note,
    step.at,
  );
}

/** Repeats the marker of a started attempt as `phase`. */
export const concludeMarker = (db: Connection, attempt: string, phase: Phase): void => {
  db.prepare(
    `INSERT INTO main.schemaledger_marker
     SELECT attempt, ?, step, plan_digest, checksum, intent_idx, intent_leaf_hash, checkpoint, NULL, at
     FROM main.schemaledger_marker WHERE attempt = ? AND phase = 'started'`,
  ).run(phase, attempt);
};

/** Newest phase of an attempt; undefined = no marker. */
export const phaseOf = (db: Connection, attempt: string): Phase | undefined =>
  db
    .prepare<[string], Phase>(
      `SELECT phase FROM main.schemaledger_marker WHERE attempt = ?
       ORDER BY phase = 'started' LIMIT 1`,
    )
    .pluck()
    .get(attempt);

/** What was noted with a marker: the fingerprint after the step or, at its start, the probe. */
export const noteOf = (db: Connection, attempt: string, phase: Phase): string | undefined =>
  db
    .prepare<[string, Phase], string | null>(
      "SELECT schema_fp_after FROM main.schemaledger_marker WHERE attempt = ? AND phase = ?",
    )
    .pluck()
    .get(attempt, phase) ?? undefined;

/** The versions applied after the marker of one more step. */
export const appliedAfter = (
  applied: readonly string[],
  { version, direction }: Pick<StepRequest, "version" | "direction">,
): string[] => [
  ...applied.filter((other) => other !== version),
  ...(direction === "up" ? [version] : []),
];

/** Versions whose newest marker is `done`, in the order of their intents. */
export const appliedVersions = (db: Connection): string[] =>
  db
    .prepare<[], string>(
      `SELECT step FROM (
         SELECT step, phase, intent_idx, row_number() OVER (
           PARTITION BY step ORDER BY intent_idx DESC, phase = 'started'
         ) AS place FROM main.schemaledger_marker
       ) WHERE place = 1 AND phase = 'done' ORDER BY intent_idx`,
    )
    .pluck()
    .all();

/**
 * Changes when a marker is added, removed or set back, or the fence is moved. The statements of a
 * step that would write here are refused before they run; this is the second look where SQLite does
 * not show all that it is going to do, and must stay cheap with many markers.
 */
export const ownContent = (db: Connection): string =>
  JSON.stringify(
    prepared(
      db,
      `SELECT count(*), sum(intent_idx), sum(phase = 'done'), sum(phase = 'started'),
              max(attempt), min(attempt),
              (SELECT json_array(format, ledger_origin, database_id, incarnation, fence)
               FROM main.schemaledger_meta)
         FROM main.schemaledger_marker`,
    )
      .raw()
      .get(),
  );
