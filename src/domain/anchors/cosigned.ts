import type { Checkpoint } from "../ledger/ledger.ts";

/** What the publisher knows. */
interface Published {
  readonly cosigned: Checkpoint | undefined;
  readonly behindSince: string | undefined;
  readonly reached: ReadonlyMap<string, string>;
}

const NONE: ReadonlyMap<string, string> = new Map();

/** What is outside the ledger: what witnesses have signed last, and whether something lags behind. */
export class Cosigned {
  #source: Published | undefined;

  /** Says where it is found once there are witnesses. */
  use(source: Published): void {
    this.#source = source;
  }

  /** The newest checkpoint with signatures of witnesses; undefined if there is none. */
  get newest(): Checkpoint | undefined {
    return this.#source?.cosigned;
  }

  /** When each of them took a checkpoint last, RFC 3339, by name. */
  get reached(): ReadonlyMap<string, string> {
    return this.#source?.reached ?? NONE;
  }

  /** RFC 3339: since when something outside lags behind the ledger; undefined: nothing does. */
  get behindSince(): string | undefined {
    return this.#source?.behindSince;
  }
}
