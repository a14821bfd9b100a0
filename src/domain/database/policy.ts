import type { Calendar } from "../governance/calendar.ts";
import type { Signatures } from "../trust/signatures.ts";
import { checkSigners, checkTrust } from "../trust/trust.ts";
import { InvalidInput } from "../shared/errors.ts";
import type { Policy } from "./events.ts";

/** Members to change; null takes one away that need not be there. */
export type PolicyChange = {
  readonly [M in keyof Policy]?: undefined extends Policy[M] ? Policy[M] | null : Policy[M];
};

/** What tells whether a policy can be meant. */
export interface PolicyChecks {
  readonly calendar: Calendar;
  readonly signatures: Signatures;
}

/**
 * The policy after the change. Errors: `InvalidInput` window-invalid | freeze-invalid, and those of
 * `checkTrust`.
 */
export function changed(
  policy: Policy,
  change: PolicyChange,
  { calendar, signatures }: PolicyChecks,
): Policy {
  const members = Object.entries({ ...policy, ...change }).filter(([, value]) => value !== null);
  const result = Object.fromEntries(members) as unknown as Policy;
  if (result.window !== undefined) calendar.check(result.window);
  for (const { from, to } of result.freezes ?? [])
    if (Date.parse(to) <= Date.parse(from))
      throw new InvalidInput("freeze-invalid", "A freeze ends before it begins", {
        hint: "Give a `to` after `from`",
      });
  if (result.trust !== undefined) checkTrust(result.trust, signatures);
  if (result.approvalSignatures !== undefined)
    checkSigners(result.approvalSignatures.signers, signatures);
  return result;
}
