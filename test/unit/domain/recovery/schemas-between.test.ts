import assert from "node:assert/strict";
import type {
  DatabaseEngine,
  Recovered,
  SchemaReached,
} from "../../../../src/domain/engine/database-engine.ts";
import type { Ledger } from "../../../../src/domain/ledger/ledger.ts";
import { schemasBetween } from "../../../../src/domain/recovery/schemas-between.ts";
import type { SchemaObject } from "../../../../src/domain/schema/schema.ts";
import type { DatabaseState, OpenAttempt } from "../../../../src/domain/state/state.ts";

const table = (name: string): SchemaObject => ({ type: "table", name, table: name, sql: name });
const BEFORE = [table("a")];
const database = {
  fingerprint: "f0",
  schema: BEFORE,
  migrations: new Map(
    ["1", "2", "3"].map((version) => [version, { version, up: `text ${version}`, allow: {} }]),
  ),
} as unknown as DatabaseState;
const ledger = { content: (digest: string) => Promise.resolve(digest) } as unknown as Ledger;
const attempts = ["1", "2", "3"].map(
  (version) => ({ attempt: `at ${version}`, version, direction: "up" }) as OpenAttempt,
);

/** An engine that follows scripts to what it is told, and notes them. */
function engineThatReaches(reached: readonly SchemaReached[]) {
  const asked: string[] = [];
  const follow: DatabaseEngine["follow"] = async (_schema, scripts) => {
    asked.push(...scripts.map(({ sql }) => sql));
    return reached;
  };
  return { asked, engine: { follow } as DatabaseEngine };
}

const committed = (fingerprints: readonly string[]): Recovered =>
  ({
    phases: Object.fromEntries(fingerprints.map((_, i) => [attempts[i]!.attempt, "done"])),
    probes: {},
    fingerprints: Object.fromEntries(fingerprints.map((one, i) => [attempts[i]!.attempt, one])),
  }) as unknown as Recovered;

const one = { fingerprint: "f1", schema: [...BEFORE, table("b")] };
const two = { fingerprint: "f2", schema: [...BEFORE, table("b"), table("c")] };

async function between(fingerprints: readonly string[], reached: readonly SchemaReached[]) {
  const { engine, asked } = engineThatReaches(reached);
  const found = await schemasBetween(database, attempts, committed(fingerprints), engine, ledger);
  return { found: [...found], asked };
}

describe("the schemas between steps that recovery finds committed", () => {
  it("are none of one step, or of no step", async () => {
    assert.deepEqual(await between([], []), { found: [], asked: [] });
    assert.deepEqual(await between(["f1"], []), { found: [], asked: [] });
  });

  it("are those that the scripts lead to, if the markers say the same", async () => {
    const { found, asked } = await between(["f1", "f2", "f3"], [one, two]);
    assert.deepEqual(asked, ["text 1", "text 2"]);
    assert.deepEqual(found, [
      ["at 1", { ...one, isCertain: true }],
      ["at 2", { ...two, isCertain: true }],
    ]);
  });

  it("need no script while the schema stays the same", async () => {
    const { found, asked } = await between(["f0", "f0", "f1"], []);
    assert.deepEqual(asked, []);
    assert.deepEqual(
      found.map(([, { fingerprint, schema, isCertain }]) => [fingerprint, schema, isCertain]),
      [
        ["f0", BEFORE, true],
        ["f0", BEFORE, true],
      ],
    );
  });

  it("are not invented: the changes then count with the next step", async () => {
    const { found } = await between(["f1", "f2", "f3"], [{ ...one, fingerprint: "other" }, two]);
    assert.deepEqual(found, [
      ["at 1", { fingerprint: "f1", schema: BEFORE, isCertain: false }],
      ["at 2", { ...two, isCertain: true }],
    ]);
  });

  it("are not invented when the scripts cannot be followed", async () => {
    const { found } = await between(["f1", "f2", "f3"], []);
    assert.deepEqual(
      found.map(([, { schema, isCertain }]) => [schema, isCertain]),
      [
        [BEFORE, false],
        [BEFORE, false],
      ],
    );
  });
});
