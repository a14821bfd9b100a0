import type { DatabaseService } from "../database/database-service.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { withoutAbsent } from "../shared/without-absent.ts";
import { BEGAN, type EntityKinds, type Kind, type Page } from "./entity-query.ts";
import type { Projection } from "./projection.ts";

/** What a list is narrowed by; absent members do not narrow. */
export interface ListFilter<T> {
  /** Name or id. */
  readonly database?: string | undefined;
  /** RFC 3339 bounds on when it began, both inclusive. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly status?: string | undefined;
  readonly accept?: ((entity: T) => boolean) | undefined;
}

/** Entities looked at at a time when not all that are found are wanted. */
const AT_ONCE = 200;

/** Lists of what there is and was, by when it began and what it is. */
export class FilteredLists {
  readonly #ledger: Ledger;
  readonly #projection: Projection;
  readonly #databases: DatabaseService;

  constructor(ledger: Ledger, projection: Projection, databases: DatabaseService) {
    this.#ledger = ledger;
    this.#projection = projection;
    this.#databases = databases;
  }

  /** At most `page.limit`, newest first. Error: `NotFound` database-not-found. */
  async list<K extends Kind>(
    kind: K,
    filter: ListFilter<EntityKinds[K]>,
    page: Page,
  ): Promise<readonly EntityKinds[K][]> {
    const { database, status, accept = () => true } = filter;
    const databaseId = database === undefined ? undefined : this.#databases.find(database).id;
    const since = await this.#firstIndex(filter.from);
    let before = Math.min(page.before ?? Infinity, (await this.#lastIndex(filter.to)) + 1);
    const began = BEGAN[kind];
    const limit = filter.accept === undefined ? page.limit : Math.max(page.limit, AT_ONCE);
    const found: EntityKinds[K][] = [];
    for (;;) {
      const query = { ...withoutAbsent({ databaseId, status }), limit, before };
      const some = await this.#projection.list(kind, query);
      const wanted = some.filter((entity) => began(entity) >= since && accept(entity));
      found.push(...wanted);
      const last = some.at(-1);
      const isOver = last === undefined || some.length < limit || began(last) < since;
      if (isOver || found.length >= page.limit) return found.slice(0, page.limit);
      before = began(last);
    }
  }

  /** The first event that is not earlier; beyond all if there is none. */
  async #firstIndex(from: string | undefined): Promise<number> {
    if (from === undefined) return 0;
    const [event] = await this.#ledger.read({ from, limit: 1, order: "asc" });
    return event?.index ?? Infinity;
  }

  /** The last event that is not later; before all if there is none. */
  async #lastIndex(to: string | undefined): Promise<number> {
    if (to === undefined) return Infinity;
    const [event] = await this.#ledger.read({ to, limit: 1, order: "desc" });
    return event?.index ?? -1;
  }
}
