import { InvalidInput, NotFound } from "../shared/errors.ts";
import type { Ledger } from "./ledger.ts";

/** A point of the ledger's history: just after the event `index`. */
export interface Point {
  readonly index: number;
  /** Of that event. */
  readonly time: string;
}

/** Finds points by what people write for them. */
export class Points {
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /**
   * `at` is an event's index, or an RFC 3339 time: then the newest event that is not later. Absent:
   * the newest event. Errors: `NotFound` point-not-reached | before-ledger.
   */
  async find(at?: string): Promise<Point> {
    if (at === undefined) return this.#newest();
    return /^\d+$/.test(at) ? this.#ofIndex(Number(at)) : this.#ofTime(at);
  }

  async #newest(): Promise<Point> {
    const [event] = await this.#ledger.read({ limit: 1, order: "desc" });
    if (event === undefined) throw new NotFound("before-ledger", "The ledger has no events");
    return event;
  }

  async #ofIndex(index: number): Promise<Point> {
    if (!Number.isSafeInteger(index))
      throw new InvalidInput("invalid-point", `${index} is too large for an index`);
    const [event] = await this.#ledger.read({ after: index - 1, limit: 1, order: "asc" });
    if (event?.index === index) return event;
    throw new NotFound("point-not-reached", `There is no event ${index} yet`, {
      hint: "GET /v1/audit/events?order=desc&limit=1 shows the newest",
    });
  }

  async #ofTime(time: string): Promise<Point> {
    const [event] = await this.#ledger.read({ to: time, limit: 1, order: "desc" });
    if (event !== undefined) return event;
    throw new NotFound("before-ledger", `Nothing is recorded as early as ${time}`, {
      hint: "GET /v1/audit/events?limit=1 shows the first event",
    });
  }
}
