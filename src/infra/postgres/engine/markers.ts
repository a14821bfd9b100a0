import type { StepRequest } from "../../../domain/engine/database-engine.ts";
import type { Client } from "../connection/open-client.ts";
import type { Rows } from "./batch.ts";
import { query } from "./prepared.ts";
import type { OwnTables } from "./session.ts";

export type Phase = "started" | "done" | "reverted";

/** Writes the marker of an attempt. `note`: the fingerprint after the step, or the probe. */
export async function writeMarker(
  client: Client,
  own: OwnTables,
  step: StepRequest,
  phase: Phase,
  note: string,
): Promise<void> {
  const text = `INSERT INTO ${own.marker} VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`;
  await query(client, "mark", text, [
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
  ]);
}

/** Notes how far an attempt outside a transaction has come. */
export async function noteProgress(
  client: Client,
  own: OwnTables,
  attempt: string,
  note: string,
): Promise<void> {
  await client.query(
    `UPDATE ${own.marker} SET schema_fp_after = $2 WHERE attempt = $1 AND phase = 'started'`,
    [attempt, note],
  );
}

/** Repeats the marker of a started attempt as `phase`. */
export async function concludeMarker(
  client: Client,
  own: OwnTables,
  attempt: string,
  phase: Phase,
): Promise<void> {
  await client.query(
    `INSERT INTO ${own.marker}
     SELECT attempt, $2, step, plan_digest, checksum, intent_idx, intent_leaf_hash, checkpoint, NULL, at
     FROM ${own.marker} WHERE attempt = $1 AND phase = 'started' ON CONFLICT DO NOTHING`,
    [attempt, phase],
  );
}

/** The newest marker of an attempt. */
export interface Marker {
  readonly phase: Phase;
  /** The fingerprint after the step or, at its start, the probe. */
  readonly note: string | null;
}

/** Undefined = no marker. */
export async function markerOf(
  client: Client,
  own: OwnTables,
  attempt: string,
): Promise<Marker | undefined> {
  const { rows } = await client.query<Marker>(
    `SELECT phase, schema_fp_after AS note FROM ${own.marker} WHERE attempt = $1
     ORDER BY phase = 'started' LIMIT 1`,
    [attempt],
  );
  return rows[0];
}

/** Versions whose newest marker is `done`, in the order of their intents. */
export async function appliedVersions(client: Client, own: OwnTables): Promise<string[]> {
  return stepsIn((await query(client, "applied", appliedQuery(own))).rows);
}

/** Asks for them. */
export const appliedQuery = ({ marker }: OwnTables): string =>
  `SELECT step FROM (
     SELECT step, phase, intent_idx, row_number() OVER (
       PARTITION BY step ORDER BY intent_idx DESC, phase = 'started'
     ) AS place FROM ${marker}
   ) AS newest WHERE place = 1 AND phase = 'done' ORDER BY intent_idx`;

/** What it answers. */
export const stepsIn = (rows: Rows): string[] => rows.map(({ step }) => String(step));
