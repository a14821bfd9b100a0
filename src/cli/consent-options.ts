import { withoutAbsent } from "../domain/shared/without-absent.ts";
import { WAITING } from "../library/desk.ts";
import type { OptionSpec } from "./command.ts";
import { timeOf } from "./times.ts";

/** When something may begin, and whose consent it needs before. */
export interface ConsentFlags {
  readonly notBefore?: string;
  readonly exception?: boolean;
  readonly emergency?: boolean;
}

export const CONSENT_OPTIONS: readonly OptionSpec[] = [
  {
    flags: "--not-before <time>",
    description: "have a service begin it then, or in the next window after it; exit code 3",
  },
  {
    flags: "--exception",
    description: "let it begin outside the window and during a freeze, for one approval more",
  },
  {
    flags: "--emergency",
    description: "begin at once without approvals; it must be reviewed afterwards",
  },
];

/** The members of a request that these options are. */
export const circumstancesOf = ({ notBefore, exception, emergency }: ConsentFlags): object =>
  withoutAbsent({
    notBefore: notBefore === undefined ? undefined : timeOf(notBefore),
    exception,
    emergency,
  });

/** Waits for people or its time: nothing is carried out yet. */
export const isWaiting = ({ status }: { readonly status: string }): boolean => WAITING.has(status);
