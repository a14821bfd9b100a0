import assert from "node:assert/strict";
import { BodyBudget } from "../../../../src/api/manners/body-budget.ts";
import { CallerLimits } from "../../../../src/api/manners/caller-limits.ts";
import { TokenBuckets } from "../../../../src/api/manners/token-bucket.ts";
import { httpOf } from "../../../../src/api/http-config.ts";

describe("a bucket of tokens", () => {
  it("gives a burst, then as many as its rate, and never more than the burst", () => {
    let now = 0;
    const buckets = new TokenBuckets(2, 4, () => now);
    const taken = (): boolean[] => Array.from({ length: 5 }, () => buckets.take("a") === 0);
    assert.deepEqual(taken(), [true, true, true, true, false]);
    assert.equal(buckets.take("a"), 0.5);
    now = 500;
    assert.equal(buckets.take("a"), 0);
    assert.equal(buckets.take("a"), 0.5);
    now = 3_600_000;
    assert.deepEqual(taken(), [true, true, true, true, false]);
  });

  it("is one for each caller, until there are too many to tell apart", () => {
    let now = 0;
    const buckets = new TokenBuckets(1, 1, () => now);
    assert.equal(buckets.take("a"), 0);
    assert.equal(buckets.take("b"), 0);
    for (let i = 0; i < 10_000; i++) buckets.take(`caller ${i}`);
    assert.notEqual(buckets.take("one more"), 0, "shares a bucket with all that came beyond");
    // What is full again is forgotten, and makes room.
    now = 1000;
    assert.equal(buckets.take("yet another"), 0);
    assert.equal(buckets.take("a"), 0);
  });
});

describe("the limits of a caller", () => {
  it("count open requests of one and of all, and let in who leaves room", () => {
    const limits = new CallerLimits(0);
    const leave = Array.from({ length: 200 }, () => limits.enter("a"));
    assert.throws(() => limits.enter("a"), { code: "too-many-at-once", status: 429 });
    for (const other of ["b", "c", "d", "e"]) for (let i = 0; i < 200; i++) limits.enter(other);
    assert.throws(() => limits.enter("f"), { code: "service-overloaded", status: 503 });
    leave[0]!();
    limits.enter("f");
  });

  it("say when to come again", () => {
    const limits = new CallerLimits(1);
    for (let i = 0; i < 10; i++) limits.take("a");
    assert.throws(() => limits.take("a"), {
      code: "rate-limited",
      headers: { "Retry-After": "1" },
    });
    limits.take("b");
  });
});

describe("memory for bodies", () => {
  it("is given to eight of the largest at once, and given back once", () => {
    const budget = new BodyBudget();
    const releases = Array.from({ length: 8 }, () => budget.reserve(32 << 20));
    assert.throws(() => budget.reserve(1), { code: "service-overloaded", status: 503 });
    releases[0]!();
    releases[0]!();
    budget.reserve(32 << 20);
    assert.throws(() => budget.reserve(1), { code: "service-overloaded" });
  });
});

describe("the settings of HTTP", () => {
  const read = (raw: object) =>
    httpOf(raw, (flag, why) => Object.assign(new Error(why), { code: flag }));

  it("take origins exactly as browsers send them", () => {
    const corsOrigins = ["https://app.example", "http://localhost:3000"];
    assert.deepEqual(read({ corsOrigins }).corsOrigins, corsOrigins);
    for (const wrong of [
      "*",
      "null",
      "https://app.example/",
      "https://App.example",
      "https://app.example:443",
      "app.example",
      "file:///x",
      "https://user@app.example",
    ])
      assert.throws(() => read({ corsOrigins: [wrong] }), { code: "--cors-origin" }, wrong);
  });

  it("take a certificate with its key only, and rates that are numbers", () => {
    assert.equal(read({}).tls, undefined);
    assert.throws(() => read({ tlsCert: "a" }), { code: "--tls-key" });
    assert.throws(() => read({ tlsKey: "a" }), { code: "--tls-cert" });
    assert.throws(() => read({ tlsCert: "", tlsKey: "a" }), { code: "--tls-cert" });
    assert.equal(read({ rateLimit: "0" }).rateLimit, 0);
    for (const rateLimit of ["-1", "1e3", "many", "1000001", 0.5])
      assert.throws(() => read({ rateLimit }), { code: "--rate-limit" });
  });
});
