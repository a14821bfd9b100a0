import assert from "node:assert/strict";
import fc from "fast-check";
import {
  applyChanges,
  diffSchema,
  sortSchema,
  type SchemaObject,
} from "../../../../src/domain/schema/schema.ts";

const object: fc.Arbitrary<SchemaObject> = fc.record(
  {
    type: fc.constantFrom("table", "index", "view", "trigger"),
    name: fc.constantFrom("a", "b", "c", "__proto__", "constructor"),
    table: fc.constantFrom("a", "b"),
    sql: fc.constantFrom("CREATE 1", "CREATE 2"),
  },
  { noNullPrototype: true },
);
const schema = fc.uniqueArray(object, {
  maxLength: 8,
  selector: ({ type, name }) => `${type}:${name}`,
});

describe("diffSchema", () => {
  it("gives changes that turn the one schema into the other", () => {
    fc.assert(
      fc.property(schema, schema, (before, after) => {
        const changes = diffSchema(before, after);
        assert.deepEqual(applyChanges(before, changes), sortSchema(after));
      }),
    );
  });

  it("is empty exactly for equal schemas", () => {
    fc.assert(
      fc.property(schema, schema, (before, after) => {
        const equal = JSON.stringify(sortSchema(before)) === JSON.stringify(sortSchema(after));
        assert.equal(diffSchema(before, after).length === 0, equal);
      }),
    );
  });
});
