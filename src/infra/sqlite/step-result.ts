import type { StepResult, TableBackupResult } from "../../domain/engine/database-engine.ts";
import type { StepFacts } from "../../domain/migration/events.ts";
import { StepFault } from "../step/step-fault.ts";
import { stepFailure } from "./step-fault.ts";

/** The result of a step that was committed. */
export const done = (facts: StepFacts, tableBackup: TableBackupResult | undefined): StepResult => ({
  status: "done",
  ...facts,
  ...(tableBackup === undefined ? {} : { tableBackup }),
});

/** The result of a step that was not applied. */
export function failed(
  error: unknown,
  state: "unchanged" | "unknown",
  tableBackup: TableBackupResult | undefined,
): StepResult {
  return {
    status: "failed",
    error: stepFailure(error),
    state,
    findings: error instanceof StepFault ? error.findings : [],
    ...(tableBackup === undefined ? {} : { tableBackup }),
  };
}
