import type pg from "pg";
import { Unavailable } from "../../../domain/shared/errors.ts";
import type { Address } from "../connection/address.ts";
import { openClient, type Client } from "../connection/open-client.ts";
import { SCHEMA } from "./schema.ts";

/** Where a ledger is, and how it is connected to. */
export interface LedgerPlace {
  readonly address: Address;
  readonly password: string | undefined;
  /** Shown to the server's administrators. */
  readonly instance: string;
  /** False for a cluster that may lose what was committed: tests alone. Default true. */
  readonly requireFsync?: boolean;
  /** How long a server that does not answer is tried again, ms. Default 10 s. */
  readonly patienceMs?: number;
  /** After so long a connection without an answer is taken for lost, ms. Default: longer than any statement may take. */
  readonly answerWithinMs?: number;
}

/**
 * What every session of a ledger is set to. Nobody may hold the head row for long: a process that is
 * stopped within a transaction loses its connection, and so does one that is gone.
 */
const SETTINGS = {
  search_path: `${SCHEMA},pg_temp`,
  synchronous_commit: "on",
  client_connection_check_interval: "500ms",
  idle_in_transaction_session_timeout: "5s",
  lock_timeout: "20s",
  statement_timeout: "60s",
  // Statements are planned once: what they look for is always behind an index.
  plan_cache_mode: "force_generic_plan",
  jit: "off",
} as const;

/** Nothing that is asked of a ledger by its writer is worth reading a whole table. */
const WRITER = { enable_seqscan: "off", enable_hashjoin: "off", enable_mergejoin: "off" };

/** One connection for what is asked one after another; `pipeline`: without waiting in between. */
export async function openSession(
  { address, password, instance, answerWithinMs }: LedgerPlace,
  role: "writer" | "reader" | "listener",
): Promise<Client> {
  const client = await openClient(address, {
    password,
    applicationName: `schemaledger/${instance}/${role}`.slice(0, 63),
    settings: {
      ...SETTINGS,
      ...(role === "writer" ? WRITER : { plan_cache_mode: "auto" }),
    },
    pipeline: role === "writer",
    answerWithinMs: answerWithinMs ?? (role === "writer" ? WRITTEN_WITHIN : ANSWER_WITHIN),
  });
  client.setTypeParser(INT8, Number);
  return client;
}

const INT8 = 20;
/** Of a line that was cut without a word nothing is heard for hours. Above the time-out of statements. */
const ANSWER_WITHIN = 65_000;
/** The same for appends: above the time for which the head's lock is waited for. */
const WRITTEN_WITHIN = 25_000;

interface Facts {
  readonly recovering: boolean;
  readonly readOnly: string;
  readonly commit: string;
  readonly fsync: string;
  readonly encoding: string;
  readonly pid: number;
}

/** That what is committed here is there for good. Errors: Unavailable ledger-standby, ledger-not-durable … */
export async function requireDurable(
  client: Client,
  { address, requireFsync = true }: LedgerPlace,
): Promise<void> {
  const { rows } = await client.query<Facts & pg.QueryResultRow>(
    `SELECT pg_is_in_recovery() AS recovering, current_setting('transaction_read_only') AS "readOnly",
       current_setting('synchronous_commit') AS commit, current_setting('fsync') AS fsync,
       current_setting('server_encoding') AS encoding, pg_backend_pid() AS pid`,
  );
  const facts = rows[0]!;
  if (facts.recovering || facts.readOnly === "on") throw standby(address.url);
  const { processID } = client as unknown as { readonly processID: number };
  if (facts.pid !== processID) throw pooled(address.url);
  if (facts.commit !== "on") throw notDurable(address.url, `synchronous_commit is ${facts.commit}`);
  if (requireFsync && facts.fsync !== "on")
    throw notDurable(address.url, `the server runs with fsync=${facts.fsync}`);
  if (facts.encoding !== "UTF8")
    throw notDurable(address.url, `its encoding is ${facts.encoding}, not UTF8`);
}

const standby = (place: string): Unavailable =>
  new Unavailable("ledger-standby", `${place} is a standby, or only lets itself be read`, {
    hint: "Name the primary; after a failover, the server that took over",
  });

const pooled = (place: string): Unavailable =>
  new Unavailable("ledger-pooled", `Between ${place} and here is a pooler of connections`, {
    hint: "Connect to the server itself: sessions, and what they are told, do not survive a pooler",
  });

const notDurable = (place: string, why: string): Unavailable =>
  new Unavailable("ledger-not-durable", `${place} cannot keep a ledger durably: ${why}`, {
    hint: "Use a database of a server with fsync on, in UTF8",
  });
