import { HttpError } from "../problem.ts";

/** What bodies may take in memory together, bytes: eight of the largest. */
const BUDGET = 256 << 20;

/** Memory for bodies that are being received. Reserved before the first byte is read. */
export class BodyBudget {
  #reserved = 0;

  /** Returns what gives it back. Error: HttpError service-overloaded. */
  reserve(bytes: number): () => void {
    if (this.#reserved + bytes > BUDGET)
      throw new HttpError(503, "service-overloaded", "Too many large requests are being received", {
        hint: "Try again a little later",
        headers: { "Retry-After": "2", Connection: "close" },
      });
    this.#reserved += bytes;
    let isReserved = true;
    return () => {
      if (isReserved) this.#reserved -= bytes;
      isReserved = false;
    };
  }
}
