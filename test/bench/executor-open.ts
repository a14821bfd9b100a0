import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { ProcessExecutor } from "../../src/infra/executor/process-executor.ts";
import { FAKE_ENGINE, perform, quietHost, targetOf } from "../support/executor.ts";

/*
 * From `open` to the first result of a session, with a child that waits and with one that must be
 * started, against the floor of starting a Node process at all (`node -e 0`). Interleaved; medians.
 */

const ROUNDS = 25;

async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

async function firstResult(executor: ProcessExecutor): Promise<number> {
  const target = targetOf("/databases/shop.db");
  let session!: Awaited<ReturnType<ProcessExecutor["open"]>>;
  const took = await timed(async () => {
    session = await executor.open(target, quietHost);
    await perform(session, "echo");
  });
  await session.close();
  return took;
}

function residentMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

const warm = new ProcessExecutor({ engineModule: FAKE_ENGINE, spare: 1 });
const cold = new ProcessExecutor({ engineModule: FAKE_ENGINE, spare: 0 });
const times = { floor: [] as number[], cold: [] as number[], warm: [] as number[] };

for (let round = 0; round < ROUNDS; round++) {
  times.floor.push(await timed(() => execFileSync(process.execPath, ["-e", "0"])));
  times.cold.push(await firstResult(cold));
  await warm.warm();
  await delay(20);
  times.warm.push(await firstResult(warm));
}

const plain = new ProcessExecutor({ spare: 1 });
await plain.warm();
await delay(100);
const resident = residentMiB(plain.children()[0]!.pid);
await Promise.all([plain.close(), warm.close(), cold.close()]);

const floor = median(times.floor);
console.log(`floor: node -e 0                 ${floor.toFixed(1)} ms`);
for (const name of ["cold", "warm"] as const) {
  const time = median(times[name]);
  console.log(
    `${name}: open to first result       ${time.toFixed(1)} ms = ${(time / floor).toFixed(2)} × floor`,
  );
}
console.log(`resident memory of a waiting child ${resident.toFixed(0)} MiB`);
