import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServiceProcess, type ServiceProcess } from "../../src/cli/demo/service-process.ts";
import { median, timed } from "./support.ts";

// From the start of the process to "listening on", against a process that loads the same packages
// and does nothing; and the memory of the idle service and its idle executors.
// node dist/test/bench/start.js [rounds]

const ROUNDS = Number(process.argv[2] ?? 7);

const LOAD = `await Promise.all(["express", "helmet", "better-sqlite3", "tsyringe", "reflect-metadata",
  "class-validator", "class-transformer", "uuid", "diff", "commander"].map((name) => import(name)))`;

async function loadPackages(): Promise<void> {
  const source = `import "reflect-metadata"; ${LOAD}`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", source], {
    stdio: "inherit",
  });
  await once(child, "exit");
}

const ratios: number[] = [];
for (let round = 0; round <= ROUNDS; round++) {
  const directory = mkdtempSync(join(tmpdir(), "schemaledger-bench-"));
  const floor = await timed(loadPackages);
  let service: ServiceProcess | undefined;
  const ready = await timed(async () => {
    service = await startServiceProcess(directory);
  });
  if (round > 0) ratios.push(ready / floor);
  if (round === ROUNDS) await printMemory();
  await service?.stop();
  rmSync(directory, { recursive: true, force: true });
}
console.log(
  `ready after ${median(ratios).toFixed(2)} x loading the same packages (${ROUNDS} rounds)`,
);

/** Resident memory of our child and its children, as Linux tells it. */
async function printMemory(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1500));
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      if (!/cli\/main.js serve|executor-main/.test(command) || !ours(status)) continue;
      const rss = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
      console.log(
        `${rss.toFixed(0)} MiB resident: ${command.includes("executor") ? "executor" : "service"}`,
      );
    } catch {
      // The process ended between the listing and the look at it.
    }
  }
}

/** Started by this benchmark, directly or through the service. */
function ours(status: string): boolean {
  const parent = Number(/PPid:\s+(\d+)/.exec(status)?.[1]);
  if (parent === process.pid) return true;
  const above = readFileSync(`/proc/${parent}/status`, "utf8");
  return Number(/PPid:\s+(\d+)/.exec(above)?.[1]) === process.pid;
}
