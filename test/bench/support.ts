import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServiceProcess, type ServiceProcess } from "../../src/cli/demo/service-process.ts";

/** The middle value; quote it, never a single measurement. */
export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** The value that a share `p` (0…1) of all are not above. */
export const percentile = (values: readonly number[], p: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * p))]!;

/** A real service on a temporary directory; both are gone afterwards. */
export async function withService(
  use: (service: ServiceProcess, directory: string) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "schemaledger-bench-"));
  const service = await startServiceProcess(directory);
  try {
    await use(service, directory);
  } finally {
    await service.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => unknown): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
