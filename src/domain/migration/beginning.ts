import type { DomainEvent, RecordedEvent } from "../events.ts";
import { decide } from "../shared/recorder.ts";
import type { Job, StepDependencies } from "./step-runner.ts";

/** Asks whether it may begin now, and records what it waits for if it may not. */
export type Admit = () => Promise<boolean>;

/** It may not begin any more; what it waits for is recorded. Told to nobody: it waits on. */
export class NotAdmitted extends Error {}

/**
 * Records the beginning of a run or a restore, if it is still admitted: preparing can take long enough for a
 * window to close or a policy to change, and nothing may be appended between the decision and the
 * beginning. Error: NotAdmitted.
 */
export const recordBeginning = (
  { recorder }: Pick<StepDependencies, "recorder">,
  { database, context }: Pick<Job, "database" | "context">,
  admit: Admit,
  events: readonly DomainEvent[],
): Promise<readonly RecordedEvent[]> =>
  decide(async () => {
    const { streamVersion: expected } = database;
    if (!(await admit())) throw new NotAdmitted();
    return recorder.record(database.id, events, context, { expected });
  });
