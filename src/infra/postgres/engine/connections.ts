import { Unavailable } from "../../../domain/shared/errors.ts";
import type { Address } from "../connection/address.ts";
import { sqlState } from "./postgres-error.ts";
import { isMistrusted } from "./prepared.ts";
import { openClient, type Client } from "../connection/open-client.ts";

/** The first version that drops the backend of a client that died (client_connection_check_interval). */
const OLDEST_VERSION = 140_000;

/**
 * Makes the server notice within this time that the client has gone: until then the statement would
 * run on and its locks stay.
 */
const CHECK_INTERVAL = "250ms";

/** The connections of one session: one for steps, others for single operations. */
export class Connections {
  readonly #address: Address;
  /** Of the user; for the programs that dump and restore. */
  readonly password: string | undefined;
  readonly #databaseId: string;
  #step: Client | undefined;
  readonly #open = new Set<Client>();

  constructor(address: Address, password: string | undefined, databaseId: string) {
    this.#address = address;
    this.password = password;
    this.#databaseId = databaseId;
  }

  /** By which the server's administrators, and recovery, know the session's backends. */
  get applicationName(): string {
    return `schemaledger/${this.#databaseId}`;
  }

  /** The connection on which steps run, checked to be one that they can run on. */
  async step(): Promise<Client> {
    if (this.#step === undefined) {
      const client = await this.open();
      await requireDirect(client);
      this.#step = client;
    }
    return this.#step;
  }

  /** Statements that bring a connection back to the state of a new one: none if it is given up anyway. */
  reset(client: Client): readonly string[] {
    return isMistrusted(client) ? [] : RESET;
  }

  /** Gives up a step connection on which statements ran that could do anything. */
  discardMistrusted(): void {
    if (this.#step !== undefined && isMistrusted(this.#step)) this.discard();
  }

  /** Gives the step connection up: what is open on it rolls back. */
  discard(): void {
    if (this.#step !== undefined) this.close(this.#step);
    this.#step = undefined;
  }

  /** A connection of its own; `close` ends it. To another database of the server with `database`. */
  async open(database: string = this.#address.database): Promise<Client> {
    const client = await this.#connect({ ...this.#address, database });
    this.#open.add(client);
    // One that the server or the network ended is not used again.
    client.on("end", () => {
      if (this.#step === client) this.#step = undefined;
    });
    return client;
  }

  async #connect(address: Address): Promise<Client> {
    const options = { password: this.password, applicationName: this.applicationName };
    const settings = { client_connection_check_interval: CHECK_INTERVAL };
    try {
      return await openClient(address, { ...options, settings });
    } catch (error) {
      if (isRefusedByPooler(error)) throw pooled();
      // Servers of some systems cannot notice it. Recovery ends what a dead client left, there too.
      if (sqlState(error) === "22023") return openClient(address, options);
      throw error;
    }
  }

  close(client: Client): void {
    this.#open.delete(client);
    // It may be lost already; whoever closes it needs nothing of it any more.
    client.end().catch(() => undefined);
  }

  async using<T>(use: (client: Client) => Promise<T>, database?: string): Promise<T> {
    const client = await this.open(database);
    try {
      return await use(client);
    } finally {
      this.close(client);
    }
  }

  closeAll(): void {
    this.#step = undefined;
    for (const client of this.#open) this.close(client);
  }
}

/** As DISCARD ALL, but what is prepared stays. */
export const RESET = [
  "CLOSE ALL",
  "SET SESSION AUTHORIZATION DEFAULT",
  "RESET ALL",
  "UNLISTEN *",
  "SELECT pg_advisory_unlock_all()",
  "DISCARD TEMP",
  "DISCARD SEQUENCES",
];

interface Server {
  readonly pid: number;
  readonly version: number;
  readonly standby: boolean;
  readonly counts: boolean;
}

const LOOK = `SELECT pg_backend_pid() AS pid, current_setting('server_version_num')::int AS version,
  pg_is_in_recovery() AS standby, current_setting('track_counts')::bool AS counts`;

/**
 * Refuses what steps cannot be run on: an old server, a standby, and a pooler that gives each transaction
 * another backend, so that locks and settings land on somebody else's.
 */
export async function requireDirect(client: Client): Promise<void> {
  const [first, second] = [await look(client), await look(client)];
  if (first.pid !== second.pid || first.pid !== processOf(client)) throw pooled();
  if (first.version < OLDEST_VERSION)
    throw new Unavailable(
      "server-too-old",
      `The server is PostgreSQL ${Math.floor(first.version / 10_000)}; the oldest that can be managed is 14`,
      { hint: "Upgrade the server" },
    );
  if (!first.counts)
    throw new Unavailable("counters-off", "The server counts no rows: track_counts is off", {
      hint: "Turn it on (ALTER SYSTEM, ALTER DATABASE or ALTER ROLE … SET track_counts = on): by it lost rows are noticed",
    });
  if (first.standby)
    throw new Unavailable("database-read-only", "The server is a standby: it takes no writes", {
      hint: "Use the url of the primary server",
    });
}

const look = async (client: Client): Promise<Server> => (await client.query<Server>(LOOK)).rows[0]!;

/** The number of the backend as the connection was told when it began; a pooler makes one up. */
export const processOf = (client: Client): number =>
  (client as unknown as { readonly processID: number }).processID;

const isRefusedByPooler = (error: unknown): boolean =>
  error instanceof Error && /unsupported startup parameter/i.test(error.message);

const pooled = (): Unavailable =>
  new Unavailable(
    "pooled-connection",
    "The connection goes through a pooler: each transaction may have another backend",
    {
      hint: "Register the url of the server itself: locks and settings of a run must stay with it",
    },
  );
