import { EVENT_VERSIONS } from "../../../domain/events.ts";
import type { Batch } from "./batch.ts";
import type { KnownHead } from "./known-head.ts";
import { bytesArray, encodedTextArray, integerArray, textArray } from "./binary-array.ts";

/** Where waiting readers hear of appends; what is said is the new size. */
export const CHANNEL = "schemaledger_ledger";

/**
 * Everything that a batch writes, in one statement, which without BEGIN is one transaction: one
 * round trip. The head row is written first, and its lock held until COMMIT. If another writer was
 * there before, or a key is known, or a stream has another version, the head is not written: then
 * nothing else is, and the statement gives no row. That another writer holds the row is waited for,
 * and then the row as that one left it is looked at; a row at the revision that was expected was
 * not written since, so that what the statement sees of all the other tables is current.
 */
export const APPEND = `
WITH head AS (
  UPDATE ledger_head SET revision = revision + 1, size = $3, frontier = $4, time_high = $5, time_back = $6
  WHERE one AND revision = $1 AND size = $2 AND frontier = $32 AND sealed IS NULL
    AND ($33::bigint IS NULL OR EXISTS (SELECT FROM lease WHERE name = 'work' AND token = $33))
    AND NOT EXISTS (SELECT FROM once_key WHERE key = ANY ($7::text[]))
    AND NOT EXISTS (SELECT FROM idem WHERE key = ANY ($10::text[]))
    AND NOT EXISTS (
      SELECT FROM unnest($16::text[], $17::bigint[]) s (stream, version)
      WHERE s.version <> coalesce((SELECT e.stream_pos + 1 FROM event e
        WHERE e.stream = s.stream ORDER BY e.stream_pos DESC LIMIT 1), 0))
  RETURNING size
), new_event AS (
  INSERT INTO event
  SELECT $2 + n - 1, id::uuid, stream, stream_pos, type, v::integer, time, actor, actor_kind,
    correlation, causation, leaf, leaf_hash
  FROM head, unnest($18::text[], $19::text[], $20::bigint[], $21::text[], $22::bigint[], $23::text[],
    $24::text[], $25::text[], $26::text[], $27::text[], $28::bytea[], $29::bytea[])
    WITH ORDINALITY e (id, stream, stream_pos, type, v, time, actor, actor_kind, correlation,
      causation, leaf, leaf_hash, n)
), new_payload AS (
  INSERT INTO payload (idx, salt, data)
  SELECT $2 + n - 1, salt, data
  FROM head, unnest($30::bytea[], $31::text[]) WITH ORDINALITY p (salt, data, n)
), new_content AS (
  INSERT INTO content SELECT digest, text FROM head, unnest($14::text[], $15::text[]) c (digest, text)
  ON CONFLICT (digest) DO NOTHING
), new_once AS (
  INSERT INTO once_key
  SELECT key, first, last FROM head, unnest($7::text[], $8::bigint[], $9::bigint[]) o (key, first, last)
), new_idem AS (
  INSERT INTO idem
  SELECT key, hash, first, last
  FROM head, unnest($10::text[], $11::text[], $12::bigint[], $13::bigint[]) i (key, hash, first, last)
)
SELECT pg_notify('${CHANNEL}', size::text) FROM head`;

/** The statement's parameters for a batch on a head. `token`: that of the lease it is written under. */
export function appendValues(
  before: Pick<KnownHead, "revision" | "size" | "state">,
  batch: Batch,
  token: number | undefined,
): unknown[] {
  const { head, onceKeys, idemKeys, contents, versionsBefore } = batch;
  return [
    before.revision,
    before.size,
    head.size,
    // It is overwritten by the next push, which may come before this is sent.
    Buffer.from(head.frontier),
    head.timeHigh,
    head.timeBack,
    textArray(onceKeys.map(({ key }) => key)),
    integerArray(onceKeys.map(({ span }) => span.first)),
    integerArray(onceKeys.map(({ span }) => span.last)),
    textArray(idemKeys.map(({ idempotency }) => idempotency.key)),
    textArray(idemKeys.map(({ idempotency }) => idempotency.requestHash)),
    integerArray(idemKeys.map(({ span }) => span.first)),
    integerArray(idemKeys.map(({ span }) => span.last)),
    textArray([...contents.keys()]),
    textArray([...contents.values()]),
    textArray([...versionsBefore.keys()]),
    integerArray([...versionsBefore.values()]),
    ...eventArrays(batch),
    before.state.frontier,
    token ?? null,
  ];
}

function eventArrays({ drafts, events }: Batch): Buffer[] {
  const leaves = drafts.flatMap((one) => one.leaves);
  const salts = drafts.flatMap((one) => one.salts);
  const payloads = drafts.flatMap((one) => one.payloads);
  return [
    textArray(events.map(({ id }) => id)),
    textArray(events.map(({ stream }) => stream)),
    integerArray(events.map(({ streamVersion }) => streamVersion)),
    textArray(events.map(({ type }) => type)),
    integerArray(events.map(({ type }) => EVENT_VERSIONS[type])),
    textArray(events.map(({ time }) => time)),
    textArray(events.map(({ actor }) => actor.id)),
    textArray(events.map(({ actor }) => actor.kind)),
    textArray(events.map(({ correlation }) => correlation)),
    textArray(events.map(({ causation }) => causation)),
    bytesArray(leaves),
    bytesArray(events.map(({ leafHash }) => leafHash)),
    bytesArray(salts),
    encodedTextArray(payloads),
  ];
}
