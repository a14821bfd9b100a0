import Sqlite from "better-sqlite3";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServiceProcess } from "../../src/cli/demo/service-process.ts";
import type { RestClient } from "../../src/cli/demo/rest-client.ts";
import { smallStep } from "./small-steps.ts";

// A warm run of N small steps through REST against a bare better-sqlite3 loop with
// synchronous=FULL, one transaction a step. Rounds alternate; medians of the ratios are printed.
// node dist/test/bench/runs.js [steps] [rounds]

const STEPS = Number(process.argv[2] ?? 100);
const ROUNDS = Number(process.argv[3] ?? 7);
const MODES = ["delete", "wal"] as const;
type Mode = (typeof MODES)[number];

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

function makeDatabase(file: string, mode: Mode): void {
  const db = new Sqlite(file);
  db.pragma(`journal_mode = ${mode}`);
  db.exec("CREATE TABLE seed (id INTEGER PRIMARY KEY, v TEXT)");
  db.close();
}

function bareLoop(file: string): number {
  const began = performance.now();
  const db = new Sqlite(file);
  db.pragma("synchronous = FULL");
  for (let n = 0; n < STEPS; n++) db.transaction(() => db.exec(smallStep(n)))();
  db.close();
  return performance.now() - began;
}

async function prepare(client: RestClient, name: string, url: string): Promise<void> {
  await client.post("/v1/databases", { name, engine: "sqlite", url });
  const migrations = Array.from({ length: STEPS }, (_, n) => ({
    version: String(n + 1),
    name: `step ${n}`,
    up: smallStep(n),
  }));
  await client.post(`/v1/databases/${name}/migrations`, { migrations });
}

async function run(client: RestClient, name: string, rehearse: boolean): Promise<number> {
  const began = performance.now();
  const { id } = await client.post(`/v1/databases/${name}/runs`, { rehearse });
  const ended = await client.get(`/v1/runs/${String(id)}?wait=60`);
  const took = performance.now() - began;
  if (ended["status"] !== "succeeded") throw new Error(JSON.stringify(ended["error"]));
  return took;
}

const directory = mkdtempSync(join(tmpdir(), "schemaledger-bench-"));
const service = await startServiceProcess(directory);
try {
  for (const mode of MODES) {
    const ratios = { rehearsed: [] as number[], plain: [] as number[], bare: [] as number[] };
    for (let round = 0; round <= ROUNDS; round++) {
      const file = (kind: string): string => join(directory, `${mode}-${round}-${kind}.db`);
      for (const kind of ["bare", "rehearsed", "plain"]) makeDatabase(file(kind), mode);
      for (const kind of ["rehearsed", "plain"] as const)
        await prepare(service.client, `${mode}-${round}-${kind}`, file(kind));
      const bare = bareLoop(file("bare"));
      const rehearsed = await run(service.client, `${mode}-${round}-rehearsed`, true);
      const plain = await run(service.client, `${mode}-${round}-plain`, false);
      if (round === 0) continue; // warms up
      ratios.bare.push(bare);
      ratios.rehearsed.push(rehearsed / bare);
      ratios.plain.push(plain / bare);
    }
    console.log(
      `${mode.padEnd(6)} ${STEPS} steps: everything on ${median(ratios.rehearsed).toFixed(2)} x, ` +
        `rehearsal off ${median(ratios.plain).toFixed(2)} x the bare loop ` +
        `(median bare ${median(ratios.bare).toFixed(0)} ms, ${ROUNDS} rounds)`,
    );
  }
} finally {
  await service.stop();
  rmSync(directory, { recursive: true, force: true });
}
