import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { eachMode } from "../support/chaos/modes.ts";

describe("What a run leaves behind", function () {
  this.timeout(60_000);
  const { inTurn } = eachMode();

  inTurn("is one complete file, without journal or WAL beside it", async (world) => {
    const { api, close } = await world.serve();
    assert.equal((await api.run("app")).status, "succeeded");
    await close();
    const names = readdirSync(world.root).filter((name) => name.startsWith("app.db"));
    assert.deepEqual(names, ["app.db"]);
    for (const place of ["begun", "scratch"])
      assert.deepEqual(readdirSync(`${world.data}/backups/${place}`), []);
  });
});
