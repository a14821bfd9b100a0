import type { StepScript } from "../../../domain/engine/database-engine.ts";
import type { ScriptAnalysis } from "../../../domain/engine/dialect.ts";
import { prepareScript } from "./script.ts";

/** What is known of a step's code before it runs: nothing. */
export const CODE: ScriptAnalysis = {
  statements: [],
  rewritings: [],
  findings: [],
  destroys: [],
  open: true,
};

/** What is known of a step before it runs. */
export const analysisOf = ({ sql, transaction, language }: StepScript): ScriptAnalysis =>
  language === undefined ? prepareScript(sql, transaction) : CODE;
