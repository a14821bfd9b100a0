import type { Dialect } from "../engine/dialect.ts";
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
import { applyChanges, type SchemaObject, type SchemaRenames } from "./schema.ts";

/** The schema of a database at one point of the ledger. */
export interface SchemaAt {
  readonly fingerprint: string;
  readonly schema: readonly SchemaObject[];
  /** The event that led to it. */
  readonly since: { readonly index: number; readonly time: string };
}

export interface BlameAt extends SchemaAt {
  readonly blame: Blame;
}

/** Renames that one event made. */
export interface RenamesOf extends SchemaRenames {
  readonly index: number;
  readonly version: string;
}

/** Events that carry a whole schema, and those that carry what changed. */
const WHOLE = ["SchemaBaselined", "RestoreCompleted", "DriftResolved"] as const;
const CHANGES = ["StepApplied", "StepReverted"] as const;

type SchemaEvent = Extract<
  RecordedEvent,
  { type: (typeof WHOLE)[number] | (typeof CHANGES)[number] }
>;

/** Events fetched at a time. */
const PAGE = 200;

/** The schemas that a database had, read from its events. */
export class SchemaHistory {
  readonly #ledger: Ledger;
  readonly #dialect: Dialect;

  constructor(ledger: Ledger, dialect: Dialect) {
    this.#ledger = ledger;
    this.#dialect = dialect;
  }

  /** After the event `index`. Error: `NotFound` schema-not-known-yet. */
  async schemaAt(database: DatabaseState, index: number): Promise<SchemaAt> {
    const found = await this.findAt(database.id, index);
    if (found === undefined) throw notKnown(database, index);
    return found;
  }

  /** After the event `index`; undefined if the ledger had no schema yet. */
  async findAt(databaseId: string, index: number): Promise<SchemaAt | undefined> {
    let found: SchemaAt | undefined;
    const start = await this.#newestWhole(databaseId, index);
    for await (const event of this.#events(databaseId, [...WHOLE, ...CHANGES], start, index))
      found = schemaAfter(found, event) ?? found;
    return found;
  }

  /** Who made and last changed each part of the schema after the event `index`. Errors: as above. */
  async blameAt(database: DatabaseState, index: number): Promise<BlameAt> {
    const describe = (object: SchemaObject) => this.#dialect.describe(object);
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

/** The schema an event leads to; undefined if it leaves the schema as it was. */
function schemaAfter(before: SchemaAt | undefined, event: SchemaEvent): SchemaAt | undefined {
  const since = { index: event.index, time: event.time };
  switch (event.type) {
    case "SchemaBaselined":
    case "RestoreCompleted": {
      const { fingerprint, schema } = event.data;
      return { fingerprint, schema, since };
    }
    case "DriftResolved": {
      const { adopted } = event.data;
      if (adopted === undefined) return undefined;
      return { fingerprint: adopted.fingerprint, schema: adopted.schema, since };
    }
    case "StepApplied":
    case "StepReverted": {
      const { fingerprintAfter, schemaChanges } = event.data;
      if (schemaChanges.length === 0 && before?.fingerprint === fingerprintAfter) return before;
      const schema = applyChanges(before?.schema ?? [], schemaChanges);
      return { fingerprint: fingerprintAfter, schema, since };
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
