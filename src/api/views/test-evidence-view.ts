import type { RecordedTest } from "../../domain/governance/test-evidence.ts";

/** A test of a plan, as it is recorded. */
export const testEvidenceView = ({ index, time, data }: RecordedTest): object => ({
  ...data,
  eventIndex: index,
  recordedAt: time,
});
