import type { Checkpoint } from "../ledger/ledger.ts";

/** What witnesses have signed of the ledger last. */
export class Cosigned {
  #source: { readonly cosigned: Checkpoint | undefined } | undefined;

  /** Says where it is found once there are witnesses. */
  use(source: { readonly cosigned: Checkpoint | undefined }): void {
    this.#source = source;
  }

  /** The newest checkpoint with signatures of witnesses; undefined if there is none. */
  get newest(): Checkpoint | undefined {
    return this.#source?.cosigned;
  }
}
