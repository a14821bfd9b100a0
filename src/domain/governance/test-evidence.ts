import type { DatabaseState } from "../state/state.ts";
import type { RecordedEvent } from "../events.ts";
import type { Context } from "../shared/actor.ts";
import type { Recorder } from "../shared/recorder.ts";
import type { GovernanceEvents } from "./events.ts";

export type TestEvidence = GovernanceEvents["TestEvidenceRecorded"];
export type RecordedTest = Extract<RecordedEvent, { type: "TestEvidenceRecorded" }>;

/** Takes the word of others that they tested a plan. What it is worth, approvers and auditors decide. */
export class TestEvidenceService {
  readonly #recorder: Recorder;
  readonly #find: (database: string) => DatabaseState;

  /** `find` gives a database by name or id, or throws NotFound. */
  constructor(recorder: Recorder, find: (database: string) => DatabaseState) {
    this.#recorder = recorder;
    this.#find = find;
  }

  /** Error: NotFound database-not-found. */
  async record(database: string, evidence: TestEvidence, context: Context): Promise<RecordedTest> {
    const { id } = this.#find(database);
    const event = { type: "TestEvidenceRecorded", data: evidence } as const;
    const [recorded] = await this.#recorder.record(id, [event], context);
    return recorded as RecordedTest;
  }
}
