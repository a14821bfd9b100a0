import type { Finding } from "../../domain/migration/events.ts";
import { DomainError, type Failure } from "../../domain/shared/errors.ts";

/** Why a step cannot go on: the step's own fault, with the statement where one is to blame. */
export class StepFault extends DomainError {
  readonly statement: number | undefined;
  readonly findings: readonly Finding[];
  /** Work may have been committed outside the step's transaction: nobody can say what. */
  readonly escaped: boolean;

  constructor(
    failure: Failure,
    options: { findings?: readonly Finding[]; escaped?: boolean } = {},
  ) {
    super(failure.code, failure.message, { hint: failure.hint });
    this.statement = failure.statement;
    this.findings = options.findings ?? [];
    this.escaped = options.escaped ?? false;
  }
}

/** Fails with the first error among the findings; all of them are kept. */
export function failOnErrors(findings: readonly Finding[]): void {
  const first = findings.find(({ severity }) => severity === "error");
  if (first === undefined) return;
  const { code, message, hint, statement } = first;
  throw new StepFault(
    {
      code,
      message,
      ...(hint === undefined ? {} : { hint }),
      ...(statement === undefined ? {} : { statement }),
    },
    { findings },
  );
}
