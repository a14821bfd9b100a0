import { openAll, SEALED_MARK, type Sealed } from "../../domain/erasure/sealed.ts";
import type { Json } from "../../domain/shared/json.ts";
import type { LedgerState } from "../../domain/state/state.ts";

/** Opens what is sealed in events and in the state, when it is shown. */
export class Texts {
  readonly #projection: { readonly state: LedgerState };
  readonly #open: (sealed: Sealed) => Json | undefined;

  constructor(
    projection: { readonly state: LedgerState },
    open: (sealed: Sealed) => Json | undefined,
  ) {
    this.#projection = projection;
    this.#open = open;
  }

  /** A value with its personal texts, or with what became of them. */
  readonly open = <T>(value: T): T => openAll(value, (sealed) => this.#opened(sealed));

  /** The same for JSON text, which is parsed only if something in it is sealed. */
  openText(json: string): string {
    return json.includes(SEALED_MARK) ? JSON.stringify(this.open(JSON.parse(json) as Json)) : json;
  }

  #opened(sealed: Sealed): Json {
    const value = this.#open(sealed);
    if (value !== undefined) return value;
    const { kid } = sealed.$enc;
    const erased = this.#projection.state.erasures.find(({ kids }) => kids.includes(kid));
    return erased === undefined
      ? "unreadable (its key is missing)"
      : `erased (event ${erased.erased.index})`;
  }
}
