import type { AuditRow } from "../../../domain/audit/audit-log.ts";
import type { Append } from "../../../domain/ledger/ledger.ts";
import type { Client } from "../connection/open-client.ts";
import type { Lookups, Span } from "./batch.ts";
import { textArray } from "./binary-array.ts";
import { READ_RANGE } from "./query.ts";
import { HEAD, type SharedHeadRow } from "./reader.ts";

/** Events of others that are read under the lock at most. */
export const LOCKED_CHUNK = 1000;

/** What stands in the ledger under its lock. */
export interface LookedUp {
  readonly head: SharedHeadRow;
  /** From the index asked for on; with `LOCKED_CHUNK` of them there may be more. */
  readonly events: readonly AuditRow[];
  readonly lookups: Lookups;
  /** Of whoever works now. */
  readonly token: number | undefined;
}

const LOCK = "SELECT FROM ledger_head WHERE one FOR UPDATE";
const LEASE = "SELECT token FROM lease WHERE name = 'work'";
const ONCE =
  "SELECT key, first_idx AS first, last_idx AS last FROM once_key WHERE key = ANY ($1::text[])";
const IDEM = `SELECT key, request_hash AS "requestHash", first_idx AS first, last_idx AS last
  FROM idem WHERE key = ANY ($1::text[])`;
const VERSIONS = `SELECT s.stream, coalesce((SELECT e.stream_pos + 1 FROM event e
    WHERE e.stream = s.stream ORDER BY e.stream_pos DESC LIMIT 1), 0) AS version
  FROM unnest($1::text[]) s (stream)`;

/**
 * Begins a transaction, takes the head's lock and looks up what a group of appends is decided on:
 * one round trip, as nothing is waited for in between. Each statement sees what was committed when
 * it begins, and the lock comes first. After an error no transaction is open.
 */
export async function lookUp(
  client: Client,
  from: number,
  appends: readonly Append[],
): Promise<LookedUp> {
  const onceKeys = appends.flatMap(({ once = [] }) => once);
  const idemKeys = appends.flatMap(({ context }) => context.idempotency?.key ?? []);
  const streams = [...new Set(appends.map(({ stream }) => stream))];
  const begun = [client.query("BEGIN"), client.query({ name: "lock", text: LOCK })];
  const head = client.query<SharedHeadRow>({ name: "head", text: HEAD });
  const range = [from, Number.MAX_SAFE_INTEGER, LOCKED_CHUNK];
  const events = client.query<AuditRow>({ name: "range", text: READ_RANGE, values: range });
  const named = <T extends object>(name: string, text: string, values: readonly string[]) =>
    client.query<T>({ name, text, values: [textArray(values)] });
  const once = named<OnceRow>("once", ONCE, onceKeys);
  const idem = named<IdemKeyRow>("idem", IDEM, idemKeys);
  const versions = named<VersionRow>("versions", VERSIONS, streams);
  const lease = client.query<{ token: number }>({ name: "lease", text: LEASE });
  const asked = await Promise.allSettled([...begun, head, events, once, idem, versions, lease]);
  const failed = asked.find((one) => one.status === "rejected");
  if (failed !== undefined) {
    await client.query("ROLLBACK");
    throw failed.reason;
  }
  return {
    head: (await head).rows[0]!,
    events: (await events).rows,
    token: (await lease).rows[0]?.token,
    lookups: lookupsIn((await once).rows, (await idem).rows, (await versions).rows),
  };
}

type OnceRow = Span & { readonly key: string };
type IdemKeyRow = OnceRow & { readonly requestHash: string };
interface VersionRow {
  readonly stream: string;
  readonly version: number;
}

function lookupsIn(
  once: readonly OnceRow[],
  idem: readonly IdemKeyRow[],
  versions: readonly VersionRow[],
): Lookups {
  const onceByKey = new Map(once.map((row) => [row.key, row]));
  const idemByKey = new Map(idem.map((row) => [row.key, row]));
  const versionOf = new Map(versions.map(({ stream, version }) => [stream, version]));
  return {
    version: (stream) => versionOf.get(stream),
    once: (key) => onceByKey.get(key),
    idem: (key) => idemByKey.get(key),
  };
}
