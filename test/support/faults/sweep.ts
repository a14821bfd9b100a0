import type { FaultyChild, Outcome } from "./faulty-child.ts";
import type { Fault } from "./shim.ts";
import type { Trial } from "./trial.ts";

/** One fault at one point. */
export interface Strike {
  readonly mode: Fault;
  readonly at: number;
}

export interface Swept {
  /** How often each thing happened: `killed`, `done`, or the code of a refusal. */
  readonly outcomes: ReadonlyMap<string, number>;
  readonly wrong: readonly string[];
}

/**
 * Carries the subject out once for each strike, in a process that has the fault there. `lanes`: so many
 * processes at a time, each of which is used until it is killed.
 */
export async function sweep(
  trial: Trial,
  strikes: readonly Strike[],
  newChild: () => FaultyChild,
  lanes: number,
): Promise<Swept> {
  const outcomes = new Map<string, number>();
  const wrong: string[] = [];
  const left = strikes.values();
  const lane = async (): Promise<void> => {
    let child: FaultyChild | undefined;
    try {
      for (const strike of left) {
        child ??= newChild();
        const { outcome, wrong: found } = await trial.run(child, { fault: strike });
        const name = nameOf(outcome);
        outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
        if (outcome.kind === "failed") found.push(outcome.error);
        for (const what of found) wrong.push(`${strike.mode} at ${strike.at} (${name}): ${what}`);
        if (child.isAlive) continue;
        await child.end();
        child = undefined;
      }
    } finally {
      await child?.end();
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return { outcomes, wrong };
}

const nameOf = (outcome: Outcome): string =>
  outcome.kind === "refused" ? outcome.code : outcome.kind;
