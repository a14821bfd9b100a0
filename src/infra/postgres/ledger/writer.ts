import { setTimeout as pause } from "node:timers/promises";
import type { RecordedEvent } from "../../../domain/events.ts";
import type { Append, Appended } from "../../../domain/ledger/ledger.ts";
import { DomainError, Unavailable } from "../../../domain/shared/errors.ts";
import type { DraftParts } from "../../ledger/draft-events.ts";
import { recordedEvent } from "../../ledger/event-row.ts";
import type { Settled } from "../../ledger/settled.ts";
import type { Client } from "../connection/open-client.ts";
import { APPEND, appendValues } from "./append-statement.ts";
import { Batch, type Lookups, type Planned, type Span } from "./batch.ts";
import { isLate, isLost, isRace, outcomeUnknown, sqlState, writeFailed } from "./errors.ts";
import type { KnownHead } from "./known-head.ts";
import { lookUp, LOCKED_CHUNK, type LookedUp } from "./look-up.ts";
import type { LedgerReader } from "./reader.ts";
import { openSession, requireDurable, type LedgerPlace } from "./session.ts";
import { drop } from "./sessions.ts";

/** Milliseconds for which a server that does not answer is tried again. */
const PATIENCE = 10_000;
/** How often a group is decided anew because others were faster. */
const RACES = 20;

interface WriterParts {
  readonly place: LedgerPlace;
  readonly known: KnownHead;
  readonly reader: LedgerReader;
  readonly drafts: DraftParts;
  /** Catches up with what others appended, without the lock. */
  readonly catchUp: () => Promise<void>;
  /** Of the lease under which everything is appended, if there is one. */
  readonly token: number | undefined;
}

/** An append with the ids of its events, which stay the same however often it is tried. */
interface Identified {
  readonly append: Append;
  readonly ids: readonly string[];
}

/**
 * Writes groups of appends, each group in one transaction. Who is alone writes in one round trip,
 * on the head as it was last seen. Who was too late, or does not know enough, takes the head's lock
 * first, and looks. A connection that is lost around a commit leaves it open whether the group was
 * written: the events are looked for by their ids under the lock, behind which the lost statement
 * cannot be written any more.
 */
export class LedgerWriter {
  readonly #parts: WriterParts;
  #client: Client | undefined;
  /** Others were faster the last time: the lock is taken at once. */
  #crowded = false;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  /** Each append is written or refused on its own. Throws when nothing of the group was written. */
  async write(appends: readonly Append[]): Promise<readonly Settled<Appended>[]> {
    const { ids } = this.#parts.drafts;
    const group = appends.map((append) => ({
      append,
      ids: append.ids ?? append.events.map(() => ids.uuid()),
    }));
    const planned = await this.#persist(group);
    return Promise.all(planned.map((one) => this.#settled(one)));
  }

  async close(): Promise<void> {
    if (this.#client !== undefined) await drop(this.#client);
    this.#client = undefined;
  }

  async #persist(group: readonly Identified[]): Promise<readonly Planned[]> {
    const until = performance.now() + (this.#parts.place.patienceMs ?? PATIENCE);
    let sent = false;
    let alone = !this.#crowded && this.#knowsVersions(group);
    for (let races = 0; ;) {
      try {
        const client = await this.#connected();
        if (alone) {
          const planned = await this.#writeAlone(client, group, () => (sent = true));
          if (planned !== undefined) return planned;
          sent = false;
          alone = false;
          this.#crowded = true;
        }
        return await this.#writeLocked(client, group, () => (sent = true));
      } catch (error) {
        const late = alone ? isLate(error) : isRace(error);
        alone = false;
        // An answer, if only a refusal: nothing of it was stored.
        if (sqlState(error) !== undefined && !isLost(error)) sent = false;
        if (late && races < RACES && performance.now() < until) {
          races += 1;
          continue;
        }
        const again = await this.#mayTryAgain(error, until);
        if (!again) throw sent && !wasLooked(error) ? outcomeUnknown(error) : writeFailed(error);
      }
    }
  }

  /** After a lost connection, until patience ends. */
  async #mayTryAgain(error: unknown, until: number): Promise<boolean> {
    if (!isLost(error)) return false;
    if (this.#client !== undefined) void drop(this.#client);
    this.#client = undefined;
    if (performance.now() > until) return false;
    await pause(50 + 100 * Math.random());
    return true;
  }

  /** In one round trip. Undefined: somebody else was there before, or it must be looked closer. */
  async #writeAlone(
    client: Client,
    group: readonly Identified[],
    sending: () => void,
  ): Promise<readonly Planned[] | undefined> {
    const { known } = this.#parts;
    const nothing = (): undefined => undefined;
    const version = (stream: string): number | undefined => known.version(stream);
    const batch = this.#batch({ version, once: nothing, idem: nothing });
    const planned = group.map((one) => batch.add(withIds(one)));
    // What is refused for what is stored must be refused for what is stored now.
    if (planned.some(({ kind }) => kind === "refused")) return undefined;
    sending();
    if (!(await this.#send(client, batch))) return undefined;
    known.appended(batch.head, batch.events);
    return planned;
  }

  /** In two round trips: under the head's lock everything is looked up, then written. */
  async #writeLocked(
    client: Client,
    group: readonly Identified[],
    sending: () => void,
  ): Promise<readonly Planned[]> {
    const { known, catchUp } = this.#parts;
    for (;;) {
      const found = await lookUp(
        client,
        known.size,
        group.map(({ append }) => append),
      );
      let committing = false;
      try {
        if (found.events.length === LOCKED_CHUNK) {
          // Too much to fold while all others wait.
          await client.query("ROLLBACK");
          committing = true;
          await catchUp();
          continue;
        }
        const events = found.events.map(recordedEvent);
        known.follow(found.head, events);
        if (events.length === 0) this.#crowded = false;
        // First of all: what an earlier try has written is written, whatever holds now.
        const own = new Map(events.map((event) => [event.id, event]));
        const written = group.map((one) => ownEvents(one, own));
        if (!written.every((one) => one !== undefined)) this.#requireMay(found);
        const batch = this.#batch(found.lookups);
        const planned = group.map((one, i) => written[i] ?? batch.add(withIds(one)));
        committing = true;
        if (batch.isEmpty) {
          await client.query("ROLLBACK");
          return planned;
        }
        sending();
        const [isWritten, ended] = await Promise.all([
          this.#send(client, batch),
          client.query("COMMIT"),
        ]);
        if (!isWritten || ended.command !== "COMMIT")
          throw new Error("the ledger's head moved under its lock");
        known.appended(batch.head, batch.events);
        return planned;
      } catch (error) {
        if (!committing) await client.query("ROLLBACK");
        throw error;
      }
    }
  }

  /** Errors: Unavailable ledger-sealed, lease-lost. */
  #requireMay({ head, token: present }: LookedUp): void {
    if (head.sealed !== null) throw sealed(head.sealed);
    const { token } = this.#parts;
    if (token !== undefined && present !== token) throw leaseLost();
  }

  #batch(lookups: Lookups): Batch {
    return new Batch(this.#parts.known.state.copy(), lookups, this.#parts.drafts);
  }

  /** Whether the batch was written. */
  async #send(client: Client, batch: Batch): Promise<boolean> {
    const values = appendValues(this.#parts.known, batch, this.#parts.token);
    const { rowCount } = await client.query({ name: "append", text: APPEND, values });
    return rowCount === 1;
  }

  async #connected(): Promise<Client> {
    if (this.#client !== undefined) return this.#client;
    const client = await openSession(this.#parts.place, "writer");
    try {
      await requireDurable(client, this.#parts.place);
    } catch (error) {
      await drop(client);
      throw error;
    }
    this.#client = client;
    return client;
  }

  #knowsVersions(group: readonly Identified[]): boolean {
    return group.every(({ append }) => this.#parts.known.version(append.stream) !== undefined);
  }

  async #settled(planned: Planned): Promise<Settled<Appended>> {
    switch (planned.kind) {
      case "refused":
        return { ok: false, error: planned.error };
      case "written":
        return { ok: true, value: { events: planned.events, repeated: false } };
      case "known":
        return { ok: true, value: { events: await this.#between(planned.span), repeated: true } };
    }
  }

  async #between({ first, last }: Span): Promise<readonly RecordedEvent[]> {
    return first === null || last === null ? [] : this.#parts.reader.between(first, last);
  }
}

/** Found under the lock, or by what a lost statement compares, too: it is not written any more. */
const wasLooked = (error: unknown): boolean =>
  error instanceof DomainError &&
  ["ledger-rolled-back", "ledger-damaged", "ledger-sealed", "lease-lost"].includes(error.code);

const withIds = ({ append, ids }: Identified): Append => ({ ...append, ids });

/** What an earlier try wrote, whose answer was lost. */
function ownEvents(
  { ids }: Identified,
  found: ReadonlyMap<string, RecordedEvent>,
): Planned | undefined {
  const events = ids.map((id) => found.get(id)).filter((event) => event !== undefined);
  return ids.length > 0 && events.length === ids.length ? { kind: "written", events } : undefined;
}

const sealed = (where: string): DomainError =>
  new Unavailable("ledger-sealed", `This ledger was sealed: it goes on in ${where}`, {
    hint: "Start with the ledger that it goes on in",
  });

/** What this process still wants to record of its work is somebody else's to find out now. */
const leaseLost = (): DomainError =>
  new Unavailable("lease-lost", "Another process works with this ledger now", {
    hint: "It takes up what this one left; start this one again, to stand by",
  });
