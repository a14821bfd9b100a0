import assert from "node:assert/strict";
import { RegisterMigrationsRequest } from "../../../src/api/dto/register-migrations.request.ts";
import { InvalidRequest } from "../../../src/api/problem.ts";
import { validated } from "../../../src/api/validate.ts";

const registering = (migration: object): object =>
  validated(RegisterMigrationsRequest, { migrations: [migration] });

describe("a request to register migrations", () => {
  it("may have empty scripts: many histories have steps that do nothing", () => {
    const migration = { version: "1", name: "nothing to do", up: "", down: "" };
    assert.deepEqual(registering(migration), { migrations: [migration] });
  });

  for (const up of [undefined, null, 1, ["SELECT 1"]])
    it(`is refused with ${JSON.stringify(up)} as its script`, () => {
      assert.throws(() => registering({ version: "1", name: "first", up }), InvalidRequest);
    });
});
