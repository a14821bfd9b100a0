import type { Client } from "../connection/open-client.ts";
import { CHANNEL } from "./append-statement.ts";
import { openSession, type LedgerPlace } from "./session.ts";
import { drop } from "./sessions.ts";

/** Milliseconds between two looks that nobody asked for: a notification can be lost. */
const LOOK_EVERY = 1000;

/**
 * Calls `look` when something was appended, with the size that the ledger has then, and now and then
 * in any case.
 */
export class Listener {
  readonly #place: LedgerPlace;
  readonly #look: (size?: number) => void;
  readonly #timer: NodeJS.Timeout;
  #client: Client | undefined;
  #opening = false;
  #closed = false;

  constructor(place: LedgerPlace, look: (size?: number) => void) {
    this.#place = place;
    this.#look = look;
    this.#timer = setInterval(() => {
      if (this.#client === undefined) void this.listen();
      this.#look();
    }, LOOK_EVERY).unref();
  }

  /** Never rejects: without a connection it looks by the clock alone, and tries again. */
  async listen(): Promise<void> {
    if (this.#opening || this.#closed || this.#client !== undefined) return;
    this.#opening = true;
    try {
      const client = await openSession(this.#place, "listener");
      client.on("notification", ({ payload }) => this.#look(Number(payload)));
      client.on("end", () => {
        if (this.#client === client) this.#client = undefined;
      });
      await client.query(`LISTEN ${CHANNEL}`);
      if (this.#closed) await drop(client);
      else this.#client = client;
    } catch {
      // The next look by the clock tries again, and an append says what is wrong with the server.
    } finally {
      this.#opening = false;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) await drop(client);
  }
}
