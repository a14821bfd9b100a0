import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { setTimeout as delay } from "node:timers/promises";
import type { DatabaseTarget, StepRequest } from "../../src/domain/engine/database-engine.ts";
import type { ExecutorSession, SessionHost } from "../../src/domain/engine/executor.ts";
import { applyOne } from "../support/step-results.ts";

/** Module of the engine that does what the script names. */
export const FAKE_ENGINE = fileURLToPath(new URL("./fake-engine.js", import.meta.url));

export const quietHost: SessionHost = {
  onProgress: () => undefined,
  onTablesSaved: () => Promise.resolve(),
};

export function targetOf(url: string): DatabaseTarget {
  return { engine: "sqlite", url, databaseId: "d", origin: "o", incarnation: "i" };
}

/** Has the fake engine do what `name` says. */
export function perform(session: ExecutorSession, name: string): Promise<unknown> {
  return applyOne(session.engine, { sql: name } as StepRequest);
}

/** Whether a process with this id runs. One that has ended and waits to be reaped does not. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return !/\) [ZX] /.test(stat);
  } catch {
    return false;
  }
}

/** Waits until it holds; the test's own limit ends the waiting. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    await delay(5);
  }
}
