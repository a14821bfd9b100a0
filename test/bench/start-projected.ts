import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServiceProcess } from "../../src/cli/demo/service-process.ts";
import { loadOrigin } from "../../src/api/origin.ts";
import { Keyring } from "../../src/infra/signing/keyring.ts";
import { digest } from "../support/digest.ts";
import { appendTo, context } from "../support/ledger-samples.ts";
import { openLedger } from "../support/sqlite-ledger.ts";
import { median, timed } from "./support.ts";
import { syntheticHistory } from "./synthetic.ts";

/**
 * From the start of the process to "listening on", with a ledger of many events whose projection is
 * current, against one with an empty ledger (its first events alone). Interleaved, median. Before
 * them, once: the start that folds everything. `node dist/test/bench/start-projected.js [events]
 * [databases] [migrations] [rounds]`, default 5,000,000, 100, 50, 7.
 */
const [total = 5_000_000, databases = 100, migrations = 50, rounds = 7] = process.argv
  .slice(2)
  .map(Number);

const directory = mkdtempSync(join(tmpdir(), "schemaledger-bench-"));
const [empty, full] = ["empty", "full"].map((name) => join(directory, name)) as [string, string];
try {
  for (const one of [empty, full]) {
    mkdirSync(one);
    await ready(one);
  }
  await fill();
  const anew = await ready(full);
  console.log(`the start that folds ${total} events: ${(anew / 1000).toFixed(1)} s`);
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const floor = await ready(empty);
    const ours = await ready(full);
    ratios.push(ours / floor);
    console.log(`empty ${floor.toFixed(0)} ms, ${total} events ${ours.toFixed(0)} ms`);
  }
  console.log(
    `start with ${total} events and a current projection: ${median(ratios).toFixed(2)} x that ` +
      `with an empty ledger (target ≤ 2)`,
  );
} finally {
  rmSync(directory, { recursive: true, force: true });
}

/** Milliseconds until a service on a directory is ready; it is stopped again. */
async function ready(on: string): Promise<number> {
  let stop = async (): Promise<void> => {};
  const took = await timed(async () => {
    const service = await startServiceProcess(on);
    stop = () => service.stop();
  });
  await stop();
  return took;
}

/** The history is appended to the service's own ledger, with its keys, while it does not run. */
async function fill(): Promise<void> {
  const data = join(full, "data");
  const keys = join(data, "keys");
  const signers = await Keyring.open(keys, await loadOrigin(join(keys, "origin")), digest);
  signers.use([signers.firstVerifierKey]);
  const ledger = openLedger(join(data, "ledger.db"), { signers });
  let { size } = await ledger.head();
  for (const { stream, events } of syntheticHistory({ databases, migrations })) {
    await ledger.append(appendTo(stream, "any", { events, context: context() }));
    size += events.length;
    if (size >= total) break;
  }
  await ledger.close();
}
