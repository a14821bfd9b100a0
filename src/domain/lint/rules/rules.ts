import type { LintRule } from "../rule.ts";
import {
  doubleQuotedString,
  nonDeterministicDefault,
  nonDeterministicRows,
  notNullWithoutDefault,
} from "./columns.ts";
import { cascadeThroughRebuild, dropColumn, dropTable, undeclaredRowLoss } from "./data-loss.ts";
import {
  brokenReferences,
  doesNotRun,
  downDiffers,
  foreignKeysPragma,
  missingDown,
  pragmaWithoutEffect,
  transactionControl,
} from "./running.ts";
import { longLock, nameStyle, unindexedForeignKey } from "./structure.ts";

/** Every rule. Ids are stable: configuration and suppressions name them. */
export const LINT_RULES: readonly LintRule[] = [
  doesNotRun,
  transactionControl,
  pragmaWithoutEffect,
  foreignKeysPragma,
  dropTable,
  dropColumn,
  undeclaredRowLoss,
  cascadeThroughRebuild,
  brokenReferences,
  notNullWithoutDefault,
  doubleQuotedString,
  unindexedForeignKey,
  nonDeterministicDefault,
  nonDeterministicRows,
  longLock,
  missingDown,
  downDiffers,
  nameStyle,
];
