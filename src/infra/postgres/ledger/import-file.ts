import { leafHash } from "../../../domain/ledger/merkle.ts";
import { Conflict, Unavailable } from "../../../domain/shared/errors.ts";
import type { Digest } from "../../../domain/shared/digest.ts";
import { LedgerHeadState } from "../../ledger/ledger-head.ts";
import { openLedgerFile, type LedgerConnection } from "../../sqlite/ledger-connection.ts";
import type { Client } from "../connection/open-client.ts";
import { bytesArray, integerArray, textArray } from "./binary-array.ts";
import { HEAD, type SharedHeadRow } from "./reader.ts";

/** Events that are copied at a time. */
const CHUNK = 1000;

interface EventRow {
  readonly idx: number;
  readonly id: string;
  readonly stream: string;
  readonly stream_pos: number;
  readonly type: string;
  readonly v: number;
  readonly time: string;
  readonly actor: string;
  readonly actor_kind: string;
  readonly correlation: string;
  readonly causation: string | null;
  readonly leaf: Buffer;
  readonly leaf_hash: Buffer;
  readonly salt: Buffer | null;
  readonly data: string | null;
  readonly erased_at: string | null;
  readonly erase_reason: string | null;
}

const ROWS = `SELECT e.*, p.salt, p.data, p.erased_at, p.erase_reason
  FROM event e JOIN payload p USING (idx) WHERE e.idx >= ? ORDER BY e.idx LIMIT ${CHUNK}`;

const INSERT = `
WITH head AS (
  UPDATE ledger_head SET revision = revision + 1, size = $1, frontier = $2, time_high = $3, time_back = $4
  WHERE one RETURNING size
), new_event AS (
  INSERT INTO event
  SELECT idx, id::uuid, stream, stream_pos, type, v::integer, time, actor, actor_kind, correlation,
    causation, leaf, leaf_hash
  FROM head, unnest($5::bigint[], $6::text[], $7::text[], $8::bigint[], $9::text[], $10::bigint[], $11::text[],
    $12::text[], $13::text[], $14::text[], $15::text[], $16::bytea[], $17::bytea[]) e (idx, id, stream,
    stream_pos, type, v, time, actor, actor_kind, correlation, causation, leaf, leaf_hash)
)
INSERT INTO payload
SELECT idx, salt, data, erased_at, erase_reason
FROM head, unnest($5::bigint[], $18::bytea[], $19::text[], $20::text[], $21::text[])
  p (idx, salt, data, erased_at, erase_reason)`;

/** Tables beside the events, by the statement that takes a row over if it is not there. */
const OTHERS: readonly (readonly [select: string, insert: string])[] = [
  [
    "SELECT digest, text FROM content",
    "INSERT INTO content VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING",
  ],
  [
    "SELECT key, first_idx, last_idx FROM once_key",
    "INSERT INTO once_key VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING",
  ],
  [
    "SELECT key, request_hash, first_idx, last_idx, NULL FROM idem",
    "INSERT INTO idem VALUES ($1, $2, $3, $4, $5) ON CONFLICT (key) DO NOTHING",
  ],
  [
    "SELECT key, answer FROM idem WHERE answer IS NOT NULL",
    "UPDATE idem SET answer = $2 WHERE key = $1 AND answer IS NULL",
  ],
  [
    "SELECT size, root, note, created_at FROM checkpoint",
    "INSERT INTO checkpoint VALUES ($1, $2, $3, $4) ON CONFLICT (size) DO NOTHING",
  ],
];

export interface Imported {
  readonly size: number;
  /** Events that were not there before. */
  readonly added: number;
}

/**
 * Takes a ledger file over into a ledger that is empty or has the file's first events, byte for byte,
 * in one transaction: all or nothing. What is there afterwards is sealed (`unfinished`) until it was
 * verified. Errors: Conflict ledger-not-a-prefix; Unavailable ledger-copy-failed.
 */
export async function importFile(
  client: Client,
  file: string,
  { origin, digest, unfinished }: { origin: string; digest: Digest; unfinished: string },
): Promise<Imported> {
  const db = openLedgerFile(file, { origin, readOnly: true });
  await client.query("BEGIN");
  try {
    await client.query("SELECT FROM ledger_head WHERE one FOR UPDATE");
    const target = (await client.query<SharedHeadRow>(HEAD)).rows[0]!;
    const imported = await copyEvents(client, db, target, digest);
    for (const [select, insert] of OTHERS)
      for (const row of db.prepare(select).raw().iterate() as Iterable<unknown[]>)
        await client.query({ name: insert.slice(0, 40), text: insert, values: row });
    await client.query("UPDATE ledger_head SET revision = revision + 1, sealed = $1 WHERE one", [
      unfinished,
    ]);
    await client.query("COMMIT");
    return imported;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    db.close();
  }
}

async function copyEvents(
  client: Client,
  db: LedgerConnection,
  target: SharedHeadRow,
  digest: Digest,
): Promise<Imported> {
  const source = db
    .prepare("SELECT size, frontier, time_high, time_back FROM ledger_head")
    .get() as {
    size: number;
    frontier: Buffer;
    time_high: string;
    time_back: number;
  };
  if (target.size > source.size)
    throw notPrefix(`it has ${target.size} events, not ${source.size}`);
  // An earlier copy that was not finished is gone on with.
  const unseal = "UPDATE ledger_head SET revision = revision + 1, sealed = NULL WHERE one";
  await client.query(unseal);
  const tree = LedgerHeadState.empty(digest);
  const rows = db.prepare(ROWS);
  for (let next = 0; ;) {
    if (next === target.size && !Buffer.from(tree.frontier).equals(target.frontier))
      throw notPrefix(`its ${target.size} events are not the first ones of the file`);
    const limit = next < target.size ? target.size : Number.MAX_SAFE_INTEGER;
    const chunk = (rows.all(next) as EventRow[]).filter(({ idx }) => idx < limit);
    if (chunk.length === 0) break;
    for (const { idx, leaf } of chunk) {
      if (idx !== tree.size) throw damagedFile(`event ${tree.size} is missing`);
      tree.push(leafHash(digest.sha256, leaf));
    }
    if (next >= target.size) await insert(client, chunk, tree, source);
    next = tree.size;
  }
  if (tree.size !== source.size || !Buffer.from(tree.frontier).equals(source.frontier))
    throw damagedFile("its head does not fit its events");
  return { size: source.size, added: source.size - target.size };
}

async function insert(
  client: Client,
  rows: readonly EventRow[],
  tree: LedgerHeadState,
  { time_high, time_back }: { readonly time_high: string; readonly time_back: number },
): Promise<void> {
  const numbers = (of: (row: EventRow) => number): Buffer => integerArray(rows.map(of));
  const texts = (of: (row: EventRow) => string | null): Buffer => textArray(rows.map(of));
  const bytes = (of: (row: EventRow) => Uint8Array | null): Buffer => bytesArray(rows.map(of));
  const values = [
    tree.size,
    Buffer.from(tree.frontier),
    time_high,
    time_back,
    numbers((row) => row.idx),
    texts((row) => row.id),
    texts((row) => row.stream),
    numbers((row) => row.stream_pos),
    texts((row) => row.type),
    numbers((row) => row.v),
    texts((row) => row.time),
    texts((row) => row.actor),
    texts((row) => row.actor_kind),
    texts((row) => row.correlation),
    texts((row) => row.causation),
    bytes((row) => row.leaf),
    bytes((row) => row.leaf_hash),
    bytes((row) => row.salt),
    texts((row) => row.data),
    texts((row) => row.erased_at),
    texts((row) => row.erase_reason),
  ];
  await client.query({ name: "import", text: INSERT, values });
}

const notPrefix = (why: string): Conflict =>
  new Conflict("ledger-not-a-prefix", `The ledger there cannot be gone on with: ${why}`, {
    hint: "Name an empty database, or the one that this ledger was copied to before",
  });

const damagedFile = (why: string): Unavailable =>
  new Unavailable("ledger-copy-failed", `The ledger file is not right: ${why}`, {
    hint: "Verify it with schemaledger verify",
  });
