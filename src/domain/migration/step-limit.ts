import type { ExecutorSession } from "../engine/executor.ts";
import type { Clock } from "../shared/clock.ts";
import { DomainError } from "../shared/errors.ts";

/** Kills the executor when so many steps take longer than the policy's limit for each allows. */
export async function limited<T>(
  session: ExecutorSession,
  clock: Clock,
  stepTimeoutMs: number | undefined,
  steps: number,
  work: () => Promise<T>,
): Promise<T> {
  const result = work();
  if (stepTimeoutMs === undefined) return result;
  const limit = stepTimeoutMs * steps;
  let over = false;
  let running = true;
  void clock.sleep(limit).then(() => {
    over = running;
    if (running) session.kill("step timeout");
  });
  try {
    return await result;
  } catch (error) {
    if (!over) throw error;
    throw new DomainError(
      "step-timeout",
      `${steps === 1 ? "The step" : "The rehearsed steps"} took longer than ${limit} ms`,
      { hint: "Raise stepTimeoutMs in the database's policy, or split the migration" },
    );
  } finally {
    running = false;
  }
}
