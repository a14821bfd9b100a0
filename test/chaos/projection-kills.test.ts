import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { extent } from "../support/chaos/extent.ts";
import { startProjection } from "../support/projection.ts";
import { openLedger } from "../support/sqlite-ledger.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

describe("a projection whose process is killed", () => {
  const directory = temporaryDirectory();

  it("is what the ledger says at the next start, wherever it was killed", async function () {
    this.timeout(extent(60_000, 600_000));
    const ledgerFile = directory.file("ledger.db");
    const file = directory.file("projection.db");
    let stored = 0;
    for (let round = 0; round < extent(6, 100); round += 1) {
      await runAndKill(ledgerFile, file, `round-${round}`, 20 + 60 * (round % 7));
      const ledger = openLedger(ledgerFile);
      const { projection, notices } = await startProjection(ledger, file);
      assert.deepEqual(
        notices.filter(({ level }) => level !== "info"),
        [],
      );
      if (notices.length === 0) stored += 1;
      assert.equal(projection.state.size, (await ledger.head()).size);
      const { before, after } = await projection.rebuild();
      assert.equal(before, after);
      await projection.stop();
      await ledger.close();
    }
    assert.ok(stored > 0, "It was never killed with something stored");
  });
});

/** Lets it append for some time after it is ready. */
async function runAndKill(ledger: string, file: string, name: string, ms: number): Promise<void> {
  const script = new URL("../support/projection-loop.js", import.meta.url).pathname;
  const child = spawn(process.execPath, [script, ledger, file, name], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  await delay(ms);
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.equal(child.signalCode, "SIGKILL");
}
