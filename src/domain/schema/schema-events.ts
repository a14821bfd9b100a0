import type { RecordedEvent } from "../events.ts";
import { applyChanges, keyOf, sortSchema, type SchemaObject } from "./schema.ts";

/** The schema of a database at one point of the ledger. */
export interface SchemaAt {
  readonly fingerprint: string;
  readonly schema: readonly SchemaObject[];
  /** The event that led to it. */
  readonly since: { readonly index: number; readonly time: string };
}

/** Events that carry a whole schema, and those that carry what changed. */
export const WHOLE = ["SchemaBaselined", "RestoreCompleted", "DriftResolved"] as const;
export const CHANGES = ["StepApplied", "StepReverted"] as const;

export type SchemaEvent = Extract<
  RecordedEvent,
  { type: (typeof WHOLE)[number] | (typeof CHANGES)[number] }
>;

/** A schema while events pass, sorted once it is asked for: a long history has many steps. */
export class FoldedSchema {
  #objects: Map<string, SchemaObject> | undefined;
  #found: Omit<SchemaAt, "schema"> | undefined;

  add(event: SchemaEvent): void {
    const fingerprint = fingerprintOf(event);
    if (fingerprint === undefined) return;
    const changes = "schemaChanges" in event.data ? event.data.schemaChanges : undefined;
    if (changes?.length === 0 && this.#found?.fingerprint === fingerprint) return;
    const whole = changes === undefined ? schemaAfter(undefined, event)!.schema : [];
    if (changes === undefined || this.#objects === undefined)
      this.#objects = new Map(whole.map((object) => [keyOf(object), object]));
    for (const { after, type, name } of changes ?? [])
      if (after === undefined) this.#objects.delete(keyOf({ type, name }));
      else this.#objects.set(keyOf(after), after);
    this.#found = { fingerprint, since: { index: event.index, time: event.time } };
  }

  value(): SchemaAt | undefined {
    if (this.#found === undefined) return undefined;
    return { ...this.#found, schema: sortSchema([...this.#objects!.values()]) };
  }
}

/** Undefined if the event leaves the schema as it was. */
export function fingerprintOf(event: SchemaEvent): string | undefined {
  switch (event.type) {
    case "SchemaBaselined":
    case "RestoreCompleted":
      return event.data.fingerprint;
    case "DriftResolved":
      return event.data.adopted?.fingerprint;
    case "StepApplied":
    case "StepReverted":
      return event.data.fingerprintAfter;
  }
}

/** The schema an event leads to; undefined if it leaves the schema as it was. */
export function schemaAfter(
  before: SchemaAt | undefined,
  event: SchemaEvent,
): SchemaAt | undefined {
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

/** A schema while events are undone, the newest first. */
export class UndoneSchema {
  readonly #objects: Map<string, SchemaObject>;

  constructor(schema: readonly SchemaObject[]) {
    this.#objects = new Map(schema.map((object) => [keyOf(object), object]));
  }

  /** False: the event does not say what was there before it. */
  undo(event: SchemaEvent): boolean {
    if (fingerprintOf(event) === undefined) return true;
    if (!("schemaChanges" in event.data)) return false;
    for (const { before, type, name } of event.data.schemaChanges)
      if (before === undefined) this.#objects.delete(keyOf({ type, name }));
      else this.#objects.set(keyOf(before), before);
    return true;
  }

  value(): readonly SchemaObject[] {
    return sortSchema([...this.#objects.values()]);
  }
}

/**
 * Of events, the newest first, the one that led to the schema after them: a step that changed
 * nothing of it did not.
 */
export async function newestChange(
  events: AsyncIterable<SchemaEvent>,
): Promise<Omit<SchemaAt, "schema"> | undefined> {
  let empty: Omit<SchemaAt, "schema"> | undefined;
  for await (const event of events) {
    const fingerprint = fingerprintOf(event);
    if (fingerprint === undefined) continue;
    if (empty !== undefined && empty.fingerprint !== fingerprint) return empty;
    const found = { fingerprint, since: { index: event.index, time: event.time } };
    if (!("schemaChanges" in event.data) || event.data.schemaChanges.length > 0) return found;
    empty = found;
  }
  return empty;
}
