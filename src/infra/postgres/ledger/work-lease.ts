import type { Client } from "../connection/open-client.ts";
import { isLost } from "./errors.ts";
import { openSession, type LedgerPlace } from "./session.ts";
import { drop } from "./sessions.ts";

/** How long a lease lasts that is not renewed, ms. */
export const LEASE_MS = 10_000;
/** How often in its life a lease is renewed. */
const RENEWALS = 3;

/** Who has the lease. */
export interface LeaseHolder {
  readonly holder: string;
  /** Where it can be spoken to, once it listens. */
  readonly url: string | null;
}

/**
 * Taken over when it has expired by the server's clock, and at once by the same holder: a process
 * that has its data directory's lock knows that the one before it is gone.
 */
const TAKE = `INSERT INTO lease (name, holder, url, token, expires_at)
  VALUES ('work', $1, NULL, 1, clock_timestamp() + $2 * interval '1 ms')
  ON CONFLICT (name) DO UPDATE
  SET holder = excluded.holder, url = NULL, token = lease.token + 1, expires_at = excluded.expires_at
  WHERE lease.expires_at < clock_timestamp() OR lease.holder = excluded.holder
  RETURNING token`;
const RENEW = `UPDATE lease SET expires_at = clock_timestamp() + $3 * interval '1 ms', url = coalesce($4, url)
  WHERE name = 'work' AND holder = $1 AND token = $2`;
const RELEASE = `UPDATE lease SET expires_at = clock_timestamp() - interval '1 ms', url = NULL
  WHERE name = 'work' AND holder = $1 AND token = $2`;

/**
 * The right to work with a ledger: one process at a time has it. It is about going on when a process is
 * gone; that two never write the same database is the task of that database's lock and fence, and
 * that a process which was replaced appends nothing any more, that of the token.
 */
export class WorkLease {
  readonly token: number;
  readonly #place: LedgerPlace;
  readonly #holder: string;
  readonly #leaseMs: number;
  readonly #timer: NodeJS.Timeout;
  #client: Client | undefined;
  #url: string | null = null;
  #renewing: Promise<void> = Promise.resolve();
  #ended = false;
  #lose: () => void = () => {};
  /** Resolves when another process has it; never, if it is released. */
  readonly lost = new Promise<void>((resolve) => {
    this.#lose = resolve;
  });

  private constructor(
    place: LedgerPlace,
    client: Client,
    { holder, token, leaseMs }: { holder: string; token: number; leaseMs: number },
  ) {
    this.#place = place;
    this.#client = client;
    this.#holder = holder;
    this.token = token;
    this.#leaseMs = leaseMs;
    this.#timer = setInterval(() => this.#renewSoon(), leaseMs / RENEWALS).unref();
  }

  /**
   * The lease, or who has it. The connection is the lease's if it is given. Rejects when the server
   * cannot be asked.
   */
  static async take(
    place: LedgerPlace,
    client: Client,
    holder: string,
    leaseMs = LEASE_MS,
  ): Promise<WorkLease | LeaseHolder> {
    const taken = await client.query<{ token: number }>(TAKE, [holder, leaseMs]);
    const token = taken.rows[0]?.token;
    if (token !== undefined) return new WorkLease(place, client, { holder, token, leaseMs });
    const { rows } = await client.query<{ holder: string; url: string | null }>(
      "SELECT holder, url FROM lease WHERE name = 'work'",
    );
    return rows[0] ?? { holder: "another process", url: null };
  }

  /** Tells others at which address this holder can be spoken to. */
  async announce(url: string): Promise<void> {
    this.#url = url;
    this.#renewSoon();
    await this.#renewing;
  }

  /** The next one need not wait. Idempotent. */
  async release(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#timer);
    await this.#renewing;
    try {
      await this.#client?.query(RELEASE, [this.#holder, this.token]);
    } catch (error) {
      // It expires by itself.
      if (!isLost(error)) throw error;
    } finally {
      if (this.#client !== undefined) await drop(this.#client);
    }
  }

  #renewSoon(): void {
    this.#renewing = this.#renewing.then(() => this.#renew());
  }

  /** A server that cannot be reached says nothing: whether it was lost shows when it can be asked. */
  async #renew(): Promise<void> {
    if (this.#ended) return;
    try {
      const place = { ...this.#place, answerWithinMs: this.#leaseMs };
      this.#client ??= await openSession(place, "reader");
      const values = [this.#holder, this.token, this.#leaseMs, this.#url];
      const { rowCount } = await this.#client.query(RENEW, values);
      if (rowCount === 1) return;
    } catch {
      if (this.#client !== undefined) void drop(this.#client);
      this.#client = undefined;
      return;
    }
    this.#ended = true;
    clearInterval(this.#timer);
    void drop(this.#client);
    this.#lose();
  }
}
