import type { Client } from "../connection/open-client.ts";
import type { Catalog } from "./catalog.ts";
import type { GuardedOutcome } from "./guarded-script.ts";
import { isMistrusted } from "./prepared.ts";
import type { Transaction } from "./transaction.ts";

interface Kept {
  readonly catalog: Catalog;
  readonly client: Client;
  readonly serverStart: string;
  /** The number that the server gives to the next transaction that writes. */
  readonly next: bigint;
}

/**
 * The catalogue that one step led to, for the next one. It is proven to be what the database has if no
 * transaction that writes has had a number since, in the whole cluster, and none was open then: the server
 * counts them without a gap.
 */
export class CarriedCatalog {
  #kept: Kept | undefined;

  /** After the commit of a transaction. */
  keep(
    { xid, serverStart }: Transaction,
    client: Client,
    { after, seen }: Pick<GuardedOutcome, "after" | "seen">,
  ): void {
    // What cannot be seen through can have used more numbers, in savepoints that are gone.
    const isKnown = seen?.alone === true && !isMistrusted(client);
    this.#kept = isKnown
      ? { catalog: after, client, serverStart, next: BigInt(xid) + BigInt(seen.numbers) }
      : undefined;
  }

  /** The catalogue at the beginning of a transaction, if it is known. */
  after({ xid, serverStart }: Transaction, client: Client): Catalog | undefined {
    const kept = this.#kept;
    this.#kept = undefined;
    const isSame =
      kept?.client === client && kept.serverStart === serverStart && kept.next === BigInt(xid);
    return isSame ? kept.catalog : undefined;
  }
}
