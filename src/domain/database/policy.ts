import type { Calendar } from "../governance/calendar.ts";
import type { Signatures } from "../trust/signatures.ts";
import { checkSigners, checkTrust } from "../trust/trust.ts";
import { jcs } from "../ledger/jcs.ts";
import { InvalidInput } from "../shared/errors.ts";
import type { Json } from "../shared/json.ts";
import type { EngineName, Policy } from "./events.ts";

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
 * The policy after the change. Errors: `InvalidInput` window-invalid | freeze-invalid | backup-needed |
 * rehearsal-needs-backup, and those of `checkTrust`.
 */
export function changed(
  policy: Policy,
  change: PolicyChange,
  engine: EngineName,
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
  if (result.backup === "none") refuseUnsafe(result, engine);
  if (result.trust !== undefined) checkTrust(result.trust, signatures);
  if (result.approvalSignatures !== undefined)
    checkSigners(result.approvalSignatures.signers, signatures);
  return result;
}

/** Whether two policies say the same. */
export const isSame = (a: Policy, b: Policy): boolean => textOf(a) === textOf(b);

const textOf = (policy: Policy): string => jcs(JSON.parse(JSON.stringify(policy)) as Json);

/** A file is backed up at no cost; a server may be so by whoever operates it. */
function refuseUnsafe({ rehearse }: Policy, engine: EngineName): void {
  if (engine === "sqlite")
    throw new InvalidInput("backup-needed", "Runs on an SQLite database always take a backup", {
      hint: "Leave `backup` out",
    });
  if (rehearse) throw needsBackup();
}

/** Whether a run is rehearsed: as asked, or as the policy says. Error: `InvalidInput` rehearsal-needs-backup. */
export function rehearses({ rehearse, backup }: Policy, asked: boolean | undefined): boolean {
  const wanted = asked ?? rehearse;
  if (wanted && backup === "none") throw needsBackup();
  return wanted;
}

/** A rehearsal runs on a restored backup. */
const needsBackup = (): InvalidInput =>
  new InvalidInput(
    "rehearsal-needs-backup",
    "Without a backup there is no copy on which a plan could be rehearsed",
    { hint: "Set `rehearse` to false as well, or let runs take backups" },
  );
