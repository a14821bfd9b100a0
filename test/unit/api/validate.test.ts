import assert from "node:assert/strict";
import { PolicyChangeRequest } from "../../../src/api/dto/policy-change.request.ts";
import { InvalidRequest } from "../../../src/api/problem.ts";
import { validated } from "../../../src/api/validate.ts";

describe("what a request is told to be wrong", () => {
  const told = (approvals: unknown): string => {
    try {
      validated(PolicyChangeRequest, { approvals });
      return "nothing";
    } catch (error) {
      assert.ok(error instanceof InvalidRequest);
      return error.message;
    }
  };

  it("is first of all of which kind it should be", () => {
    for (const approvals of [null, "1", 1.5]) assert.match(told(approvals), /must be an integer/);
    assert.match(told(11), /must not be greater than 10$/);
    assert.equal(told(1), "nothing");
  });
});
