import type { EventType, RecordedEvent } from "../events.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Period } from "./period.ts";

/** Lets others have the processor for a moment. */
export type Breathe = () => Promise<void>;

/** Events read at a time. */
const CHUNK = 250;

/** Reads long stretches of the ledger without keeping others from their turn. */
export class EventScan {
  readonly #ledger: Pick<Ledger, "read">;
  readonly #breathe: Breathe;

  constructor(ledger: Pick<Ledger, "read">, breathe: Breathe) {
    this.#ledger = ledger;
    this.#breathe = breathe;
  }

  /** Events of a period in index order, chunk by chunk; `types` and `stream` narrow. */
  async *chunks(
    { first, last }: Pick<Period, "first" | "last">,
    narrow: { readonly types?: readonly EventType[]; readonly stream?: string } = {},
  ): AsyncGenerator<readonly RecordedEvent[], void, undefined> {
    for (let after = first - 1; after < last;) {
      const events = await this.#ledger.read({
        ...narrow,
        ...(after < 0 ? {} : { after }),
        limit: CHUNK,
        order: "asc",
      });
      const within = events.filter(({ index }) => index <= last);
      if (within.length > 0) yield within;
      if (within.length < CHUNK) return;
      after = within.at(-1)!.index;
      await this.#breathe();
    }
  }
}
