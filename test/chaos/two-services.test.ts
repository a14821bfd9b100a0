import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { assertConsistent } from "../support/chaos/assert-consistent.ts";
import type { RunView } from "../support/chaos/api.ts";
import { eachMode } from "../support/chaos/modes.ts";
import { contentDigest, expectedContents } from "../support/chaos/story.ts";
import type { World } from "../support/chaos/world.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));
const contents = expectedContents();

const assertContent = (world: World, applied: string): void =>
  assert.equal(world.foreign(contentDigest), contents.get(applied));

describe("Two services", function () {
  this.timeout(60_000);
  const { inTurn } = eachMode();

  inTurn("the second on a data directory is refused and says by whom", async (world) => {
    const first = await world.serve();
    const args = [MAIN, "serve", "--data", world.data, "--port", "0", "--root", world.root];
    const second = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    second.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
    const [code] = (await once(second, "close")) as [number];
    assert.equal(code, 4);
    assert.match(said, /data-directory-in-use/);
    assert.match(said, new RegExp(`process ${process.pid} `));
    assert.equal((await first.api.run("app")).status, "succeeded");
    await first.close();
    await assertConsistent(world);
  });

  inTurn("a database of another ledger is not registered", async (world) => {
    const other = await world.serve({}, join(world.root, "other"));
    const answer = await other.api.post("/v1/databases", {
      name: "mine",
      engine: "sqlite",
      url: world.database,
    });
    assert.equal(answer.status, 409);
    assert.equal(answer.body["code"], "other-ledger");
    await other.close();
    assert.equal((await assertConsistent(world)).applied, "1,2");
  });

  inTurn("a cloned ledger applies nothing that the original has applied", async (world) => {
    const copy = await world.clone();
    const original = await world.serve();
    // Changes rows only: the schema cannot tell that it was applied.
    assert.equal((await original.api.run("app", { to: "3" })).status, "succeeded");
    const clone = await world.serve({}, copy);
    const run = await clone.api.run("app", { to: "3" });
    assert.equal(run.status, "failed");
    assert.equal(run.error?.code, "markers-differ");
    assertContent(world, "1,2,3");
    await clone.close();
    assert.equal((await original.api.run("app")).status, "succeeded");
    await original.close();
    assert.equal((await assertConsistent(world)).applied, "1,2,3,4,5");
  });

  inTurn("a step that another service has overtaken is fenced off", async (world) => {
    const original = await world.spawn({ fault: "before-begin:stop" });
    const late = original.api.run("app", { to: "3" });
    const pid = await original.stoppedExecutor();
    const clone = await world.serve({}, await world.clone());
    assert.equal((await clone.api.run("app", { to: "3" })).status, "succeeded");
    await clone.close();
    assertContent(world, "1,2,3");
    process.kill(pid, "SIGCONT");
    const run: RunView = await late;
    assert.equal(run.status, "failed");
    assert.equal(run.error?.code, "fenced");
    assertContent(world, "1,2,3");
    await original.kill();
  });
});
