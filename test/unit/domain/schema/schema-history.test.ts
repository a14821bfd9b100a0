import assert from "node:assert/strict";
import type { Dialect } from "../../../../src/domain/engine/dialect.ts";
import type { DomainEvent, RecordedEvent } from "../../../../src/domain/events.ts";
import type { EventQuery, Ledger } from "../../../../src/domain/ledger/ledger.ts";
import { diffSchema, sortSchema, type SchemaObject } from "../../../../src/domain/schema/schema.ts";
import { SchemaHistory } from "../../../../src/domain/schema/schema-history.ts";
import { event, recorded, SHOP } from "../../../support/history.ts";

const LENGTH = 60;

/** A generator of numbers that gives the same ones for the same seed. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

const table = (name: string, n: number): SchemaObject => ({
  type: "table",
  name,
  table: name,
  sql: `CREATE TABLE ${name} (c${n})`,
});

const fingerprint = (schema: readonly SchemaObject[]): string =>
  `sha256:${schema.map(({ sql }) => sql).join(";")}`;

/** Steps, some that change nothing, drifts adopted or gone, restores; and the schema after each. */
function history(seed: number): { events: RecordedEvent[]; schemas: readonly SchemaObject[][] } {
  const below = numbers(seed);
  let schema: readonly SchemaObject[] = [];
  const schemas: SchemaObject[][] = [];
  const events: DomainEvent[] = [];
  const add = (one: DomainEvent): void => {
    events.push(one);
    schemas.push([...schema]);
  };
  const other = (): readonly SchemaObject[] => {
    const name = `t${below(6)}`;
    const rest = schema.filter((object) => object.name !== name);
    return sortSchema(below(3) === 0 ? rest : [...rest, table(name, below(3))]);
  };
  const whole = () => ({ fingerprint: fingerprint(schema), schema });
  add(event("SchemaBaselined", whole() as never));
  while (events.length < LENGTH) {
    const kind = below(12);
    const before = schema;
    if (kind > 0) schema = kind === 3 ? before : other();
    if (kind === 1) add(event("RestoreCompleted", whole() as never));
    else if (kind === 2)
      add(event("DriftResolved", { decision: "adopted", adopted: whole() } as never));
    else if (kind === 0) add(event("DriftResolved", { decision: "gone" } as never));
    else
      add(
        event(below(4) === 0 ? "StepReverted" : "StepApplied", {
          fingerprintAfter: fingerprint(schema),
          schemaChanges: diffSchema(before, schema),
        } as never),
      );
  }
  return { events: recorded(events), schemas };
}

const ledgerOf = (events: readonly RecordedEvent[]): Ledger =>
  ({
    read: ({ types, after, limit, order }: EventQuery) => {
      const wanted = events.filter(
        (one) =>
          types!.includes(one.type) &&
          (after === undefined || (order === "asc" ? one.index > after : one.index < after)),
      );
      return Promise.resolve((order === "asc" ? wanted : wanted.toReversed()).slice(0, limit));
    },
  }) as unknown as Ledger;

const NO_DIALECT = (): Dialect => ({}) as Dialect;

describe("the schema at a point", () => {
  it("is the same whether the past is replayed or what came since is undone", async () => {
    for (let seed = 1; seed <= 12; seed += 1) {
      const { events, schemas } = history(seed);
      const ledger = ledgerOf(events);
      const last = { schema: schemas.at(-1)!, size: LENGTH };
      const forwards = new SchemaHistory(ledger, NO_DIALECT);
      const either = new SchemaHistory(ledger, NO_DIALECT, () => last);
      for (let first = -1; first < LENGTH; first += 1) {
        const second = Math.min(LENGTH - 1, first + (seed % 5) * 3);
        const found = await either.findBoth(SHOP, first, Math.max(first, second));
        assert.deepEqual(found, await forwards.findBoth(SHOP, first, Math.max(first, second)));
        assert.deepEqual(found[0]?.schema, first < 0 ? undefined : schemas[first]);
        assert.equal(await either.fingerprintAt(SHOP, first), found[0]?.fingerprint);
      }
    }
  });
});
