import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { readyUnless } from "../../../src/cli/ready-unless.ts";

const NEVER = new Promise<never>(() => {});

describe("A start that may be told to stop", () => {
  it("gives what it leads to while nobody says anything", async () => {
    assert.equal(await readyUnless(NEVER, Promise.resolve("service"), 0), "service");
  });

  it("fails as the start fails", async () => {
    const failing = Promise.reject(new Error("no disk"));
    await assert.rejects(readyUnless(NEVER, failing, 0), { message: "no disk" });
  });

  it("is not waited for when it takes long", async () => {
    assert.equal(await readyUnless(Promise.resolve(), NEVER, 1), undefined);
  });

  it("may still become ready soon, to be stopped in order", async () => {
    const soon = pause(5).then(() => "service");
    assert.equal(await readyUnless(Promise.resolve(), soon, 20_000), "service");
  });
});
