import type { Dialects } from "../engine/dialect.ts";
import { databaseStream, type EventType, type RecordedEvent } from "../events.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { NotFound } from "../shared/errors.ts";
import type { DatabaseState } from "../state/state.ts";
import {
  blame,
  blameAdopted,
  blameRestored,
  NOTHING_BLAMED,
  type Blame,
  type Origin,
} from "./blame.ts";
import {
  CHANGES,
  FoldedSchema,
  newestChange,
  schemaAfter,
  UndoneSchema,
  WHOLE,
  type SchemaAt,
  type SchemaEvent,
} from "./schema-events.ts";
import type { SchemaObject, SchemaRenames } from "./schema.ts";

export type { SchemaAt } from "./schema-events.ts";

export interface PresentSchema {
  readonly schema: readonly SchemaObject[];
  /** Number of events that led to it, of all databases. */
  readonly size: number;
}

export interface BlameAt extends SchemaAt {
  readonly blame: Blame;
}

/** Renames that one event made. */
export interface RenamesOf extends SchemaRenames {
  readonly index: number;
  readonly version: string;
}

/** Events fetched at a time. */
const PAGE = 200;

/** The schemas that a database had, read from its events. */
export class SchemaHistory {
  readonly #ledger: Ledger;
  readonly #dialects: Dialects;
  readonly #present: (databaseId: string) => PresentSchema | undefined;

  /** `present` gives the schema that a database has after all events: a shorter way to those of late. */
  constructor(
    ledger: Ledger,
    dialects: Dialects,
    present: (databaseId: string) => PresentSchema | undefined = () => undefined,
  ) {
    this.#ledger = ledger;
    this.#dialects = dialects;
    this.#present = present;
  }

  /** After the event `index`. Error: `NotFound` schema-not-known-yet. */
  async schemaAt(database: DatabaseState, index: number): Promise<SchemaAt> {
    const found = await this.findAt(database.id, index);
    if (found === undefined) throw notKnown(database, index);
    return found;
  }

  /** After the event `index`; undefined if the ledger had no schema yet. */
  async findAt(databaseId: string, index: number): Promise<SchemaAt | undefined> {
    const [found] = await this.findBoth(databaseId, index, index);
    return found;
  }

  /** After two events, the second not before the first, in one reading. */
  async findBoth(
    databaseId: string,
    first: number,
    second: number,
  ): Promise<readonly [SchemaAt | undefined, SchemaAt | undefined]> {
    const start = await this.#newestWhole(databaseId, first);
    const present = this.#present(databaseId);
    const isNearer = present !== undefined && present.size - first < first - start;
    const found = isNearer ? await this.#backwards(databaseId, first, second, present) : undefined;
    return found ?? this.#forwards(databaseId, start, first, second);
  }

  async #forwards(
    databaseId: string,
    start: number,
    first: number,
    second: number,
  ): Promise<readonly [SchemaAt | undefined, SchemaAt | undefined]> {
    const folded = new FoldedSchema();
    let then: SchemaAt | undefined;
    let isPast = false;
    for await (const event of this.#events(databaseId, [...WHOLE, ...CHANGES], start, second)) {
      if (!isPast && event.index > first) [isPast, then] = [true, folded.value()];
      folded.add(event);
    }
    const now = folded.value();
    return [isPast ? then : now, now];
  }

  /** From the present schema, undoing what came since; undefined if something cannot be undone. */
  async #backwards(
    databaseId: string,
    first: number,
    second: number,
    present: PresentSchema,
  ): Promise<readonly [SchemaAt | undefined, SchemaAt | undefined] | undefined> {
    const undone = new UndoneSchema(present.schema);
    let now: readonly SchemaObject[] | undefined;
    for await (const event of this.#eventsBack(databaseId, present.size)) {
      if (event.index <= second) now ??= undone.value();
      if (event.index <= first) break;
      if (!undone.undo(event)) return undefined;
    }
    const then = undone.value();
    const at = async (index: number, schema: readonly SchemaObject[]) => {
      const change = await this.#changeAt(databaseId, index);
      return change === undefined ? undefined : { ...change, schema };
    };
    return [await at(first, then), await at(second, now ?? then)];
  }

  /** The fingerprint after the event `index`; undefined if the ledger had no schema yet. */
  async fingerprintAt(databaseId: string, index: number): Promise<string | undefined> {
    return (await this.#changeAt(databaseId, index))?.fingerprint;
  }

  #changeAt(databaseId: string, index: number): ReturnType<typeof newestChange> {
    return newestChange(this.#eventsBack(databaseId, index + 1, 2));
  }

  /** Who made and last changed each part of the schema after the event `index`. Errors: as above. */
  async blameAt(database: DatabaseState, index: number): Promise<BlameAt> {
    const dialect = this.#dialects(database.engine);
    const describe = (object: SchemaObject) => dialect.describe(object);
    const backups = new Map<string, Blame>();
    let found: BlameAt | undefined;
    const types = [...WHOLE, ...CHANGES, "BackupCompleted"] as const;
    for await (const event of this.#events(database.id, types, 0, index)) {
      const before = found?.blame ?? NOTHING_BLAMED;
      if (event.type === "BackupCompleted") {
        backups.set(event.data.backupId, before);
        continue;
      }
      const after = schemaAfter(found, event);
      if (after === undefined) continue;
      const origin = originOf(event);
      const then = event.type === "RestoreCompleted" ? backups.get(event.data.backupId) : undefined;
      const now =
        then === undefined
          ? blame(before, after.schema, origin, describe, renamesOf(event))
          : blameRestored(before, then, after.schema, origin, describe);
      found = { ...after, blame: origin.kind === "adoption" ? blameAdopted(now, origin) : now };
    }
    if (found === undefined) throw notKnown(database, index);
    return found;
  }

  /** What was renamed by the events after `from` up to `to`, in their order. */
  async renamesBetween(database: DatabaseState, from: number, to: number): Promise<RenamesOf[]> {
    const renames: RenamesOf[] = [];
    for await (const event of this.#events(database.id, CHANGES, from + 1, to)) {
      const { renames: own, version } = event.data;
      if (own !== undefined) renames.push({ index: event.index, version, ...own });
    }
    return renames;
  }

  /** Index of the newest event that carries a whole schema; all before it need not be read. */
  async #newestWhole(databaseId: string, index: number): Promise<number> {
    for (let before = index + 1; ;) {
      const [event] = await this.#ledger.read({
        stream: databaseStream(databaseId),
        types: WHOLE,
        after: before,
        limit: 1,
        order: "desc",
      });
      if (event === undefined) return 0;
      if (schemaAfter(undefined, event as SchemaEvent) !== undefined) return event.index;
      before = event.index;
    }
  }

  /** Events about the schema below an index, the newest first. */
  async *#eventsBack(
    databaseId: string,
    end: number,
    limit = PAGE,
  ): AsyncGenerator<SchemaEvent, void, undefined> {
    const query = { stream: databaseStream(databaseId), types: [...WHOLE, ...CHANGES] };
    for (let after = end; after > 0;) {
      const events = await this.#ledger.read({ ...query, after, limit, order: "desc" });
      yield* events as readonly SchemaEvent[];
      if (events.length < limit) return;
      after = events.at(-1)!.index;
    }
  }

  async *#events<T extends EventType>(
    databaseId: string,
    types: readonly T[],
    first: number,
    last: number,
  ): AsyncGenerator<Extract<RecordedEvent, { type: T }>> {
    const stream = databaseStream(databaseId);
    for (let after = first - 1; ;) {
      const events = await this.#ledger.read({
        stream,
        types,
        limit: PAGE,
        order: "asc",
        ...(after < 0 ? {} : { after }),
      });
      for (const event of events) {
        if (event.index > last) return;
        yield event as Extract<RecordedEvent, { type: T }>;
      }
      if (events.length < PAGE) return;
      after = events.at(-1)!.index;
    }
  }
}

function originOf(event: SchemaEvent): Origin {
  const { index, time } = event;
  const at = { index, time, actor: event.actor.id };
  switch (event.type) {
    case "SchemaBaselined": {
      const { adoptionId } = event.data;
      return adoptionId === undefined
        ? { kind: "baseline", ...at }
        : { kind: "adoption", adoptionId, ...at };
    }
    case "RestoreCompleted":
      return { kind: "restore", restoreId: event.data.restoreId, ...at };
    case "DriftResolved":
      return { kind: "drift", ...at };
    case "StepApplied":
    case "StepReverted": {
      const { version, runId, direction } = event.data;
      return { kind: direction === "up" ? "migration" : "rollback", version, runId, ...at };
    }
  }
}

const renamesOf = (event: SchemaEvent): SchemaRenames | undefined =>
  event.type === "StepApplied" || event.type === "StepReverted" ? event.data.renames : undefined;

const notKnown = ({ name, registered }: DatabaseState, index: number): NotFound =>
  new NotFound("schema-not-known-yet", `At event ${index} the ledger had no schema of ${name}`, {
    hint: `${name} was registered in event ${registered.index}, at ${registered.time}`,
  });
