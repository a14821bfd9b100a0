import assert from "node:assert/strict";
import {
  BEFORE_ALL,
  planMigrate,
  planRollback,
  versionOf,
} from "../../../../src/domain/migration/plan.ts";
import { DomainError } from "../../../../src/domain/shared/errors.ts";
import { digest } from "../../../support/digest.ts";
import { applied, given, migration, registered } from "../../../support/history.ts";

const versions = (plan: { steps: readonly { version: string }[] }): string[] =>
  plan.steps.map(({ version }) => version);

const hasCode =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof DomainError && error.code === code;

describe("planMigrate", () => {
  it("takes everything pending in version order", () => {
    const { shop } = given(...registered, migration("10"), migration("2"), migration("1"));
    const plan = planMigrate(shop, undefined, digest);
    assert.deepEqual(versions(plan), ["1", "2", "10"]);
    assert.equal(plan.from, null);
    assert.equal(plan.to, "10");
    assert.equal(plan.reversible, true);
    assert.deepEqual(plan.findings, []);
  });

  it("takes the order that a tool gave in place of the version's, and repeatable ones last", () => {
    const { shop } = given(
      ...registered,
      migration("R.a", undefined, { repeatable: true }),
      migration("users", undefined, { order: "10" }),
      migration("posts", undefined, { order: "9" }),
      migration("tags", undefined, { order: "11" }),
    );
    const plan = planMigrate(shop, undefined, digest);
    assert.deepEqual(versions(plan), ["posts", "users", "tags", "R.a"]);
    assert.deepEqual(versions(planMigrate(shop, "users", digest)), ["posts", "users"]);
  });

  it("does not count repeatable ones as the highest applied version", () => {
    const { shop } = given(
      ...registered,
      migration("1"),
      migration("R.a", undefined, { repeatable: true }),
      ...applied("r", "1", "R.a"),
      migration("2"),
    );
    const plan = planMigrate(shop, undefined, digest);
    assert.deepEqual([plan.from, plan.findings], ["1", []]);
    assert.deepEqual(versions(planRollback(shop, "1", digest)), ["R.a"]);
  });

  it("stops at the version asked for", () => {
    const { shop } = given(...registered, migration("1"), migration("2"), migration("3"));
    assert.deepEqual(versions(planMigrate(shop, "2", digest)), ["1", "2"]);
    assert.deepEqual(versions(planMigrate(shop, "latest", digest)), ["1", "2", "3"]);
  });

  it("refuses a version that is not registered", () => {
    const { shop } = given(...registered, migration("1"));
    assert.throws(() => planMigrate(shop, "7", digest), hasCode("version-not-registered"));
  });

  it("reports what is pending below what is applied, never skips it", () => {
    const { shop } = given(
      ...registered,
      migration("1"),
      migration("3"),
      ...applied("r", "1", "3"),
      migration("2"),
    );
    const plan = planMigrate(shop, undefined, digest);
    assert.deepEqual(versions(plan), ["2"]);
    assert.deepEqual(
      plan.findings.map(({ code, severity }) => [code, severity]),
      [["out-of-order", "error"]],
    );
  });

  it("is reversible only if every step has a down script", () => {
    const { shop } = given(...registered, migration("1"), event2());
    assert.equal(planMigrate(shop, undefined, digest).reversible, false);
    assert.equal(planMigrate(shop, "1", digest).reversible, true);
  });

  it("has a digest that changes with the steps and the schema, and only then", () => {
    const one = given(...registered, migration("1"), migration("2")).shop;
    const again = given(...registered, migration("1"), migration("2")).shop;
    const digestOf = (to?: string) => planMigrate(one, to, digest).planDigest;
    assert.equal(digestOf(), planMigrate(again, undefined, digest).planDigest);
    assert.notEqual(digestOf(), digestOf("1"));
    again.fingerprint = "sha256:other";
    assert.notEqual(digestOf(), planMigrate(again, undefined, digest).planDigest);
  });
});

describe("planRollback", () => {
  const { shop } = given(
    ...registered,
    migration("1"),
    migration("2"),
    migration("3"),
    ...applied("r", "1", "2", "3"),
  );

  it("undoes what is above, newest first", () => {
    const plan = planRollback(shop, "1", digest);
    assert.deepEqual(versions(plan), ["3", "2"]);
    assert.deepEqual(plan.steps[0]!.direction, "down");
    assert.equal(plan.from, "3");
    assert.equal(plan.to, "1");
  });

  it("leads before every migration with 0", () => {
    const plan = planRollback(shop, BEFORE_ALL, digest);
    assert.deepEqual(versions(plan), ["3", "2", "1"]);
    assert.equal(plan.to, null);
  });

  it("refuses a version that is not applied", () => {
    const pending = given(...registered, migration("1"), migration("2"), ...applied("r", "1")).shop;
    assert.throws(() => planRollback(pending, "2", digest), hasCode("version-not-applied"));
    assert.throws(() => planRollback(pending, "9", digest), hasCode("version-not-registered"));
    assert.equal(versionOf(pending), "1");
  });
});

/** Version 2 without a down script. */
function event2() {
  const { data, type } = migration("2");
  const { down: _none, ...rest } = data as { down?: string };
  return { type, data: rest } as ReturnType<typeof migration>;
}
