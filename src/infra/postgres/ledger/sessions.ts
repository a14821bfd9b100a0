import { Unavailable } from "../../../domain/shared/errors.ts";
import type { Client } from "../connection/open-client.ts";
import { isLost, ledgerClosed, readFailed, sqlState } from "./errors.ts";
import { openSession, type LedgerPlace } from "./session.ts";

/** Connections that read at the same time. */
const SESSIONS = 4;
/** Milliseconds that a reader waits for its turn. */
const PATIENCE = 30_000;

/** The connections over which a ledger is read: opened when they are needed, and opened again when lost. */
export class Sessions {
  readonly #place: LedgerPlace;
  readonly #idle: Client[] = [];
  readonly #waiting: { readonly go: () => void; readonly timer: NodeJS.Timeout }[] = [];
  #used = 0;
  #closed = false;

  constructor(place: LedgerPlace) {
    this.#place = place;
  }

  /**
   * Has a connection do something that changes nothing; on another one if the first was lost.
   * Errors: Unavailable ledger-closed, ledger-read-failed, and what the server says.
   */
  async use<T>(read: (client: Client) => Promise<T>): Promise<T> {
    await this.#turn();
    try {
      return await this.#readOn(read);
    } catch (error) {
      throw isLost(error) || sqlState(error) !== undefined ? readFailed(error) : error;
    } finally {
      this.#next();
    }
  }

  /** Ends when those that read have ended. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { go, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      go();
    }
    await Promise.all(this.#idle.splice(0).map(drop));
  }

  async #readOn<T>(read: (client: Client) => Promise<T>): Promise<T> {
    const used = this.#idle.pop();
    if (used !== undefined) {
      try {
        return await this.#on(used, read);
      } catch (error) {
        // It was lost while nobody used it, most likely.
        if (!isLost(error)) throw error;
      }
    }
    return await this.#on(await openSession(this.#place, "reader"), read);
  }

  async #on<T>(client: Client, read: (client: Client) => Promise<T>): Promise<T> {
    try {
      const result = await read(client);
      this.#keep(client);
      return result;
    } catch (error) {
      if (isLost(error)) void drop(client);
      else this.#keep(client);
      throw error;
    }
  }

  #keep(client: Client): void {
    if (this.#closed) void drop(client);
    else this.#idle.push(client);
  }

  async #turn(): Promise<void> {
    if (this.#used >= SESSIONS)
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
          reject(busy());
        }, PATIENCE);
        const waiting = { go: resolve, timer };
        this.#waiting.push(waiting);
      });
    if (this.#closed) throw ledgerClosed();
    this.#used += 1;
  }

  #next(): void {
    this.#used -= 1;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    clearTimeout(next.timer);
    next.go();
  }
}

/** Ends a connection, or what is left of it: what it still says is of no interest. */
export async function drop(client: Client): Promise<void> {
  await client.end().catch(() => undefined);
}

const busy = (): Unavailable =>
  new Unavailable("ledger-read-failed", "Too many others read the ledger", {
    hint: "Try again a little later",
  });
