import type { ApprovalDecision } from "../domain/governance/events.ts";
import { APPROVAL_NAMESPACE, approvalStatement } from "../domain/trust/statements.ts";
import type { RunView } from "../library/desk.ts";
import type { Client } from "./client/client.ts";
import type { Call, CommandOf } from "./command.ts";
import { policyDiff, type Policy } from "./policy-diff.ts";
import { followRun, untilOver } from "./resources.ts";
import type { SharedOptions } from "./shared-options.ts";
import { sshSign } from "./ssh-sign.ts";
import {
  documentOf,
  findUndertaking,
  UNDERTAKING_MEMBERS,
  type Shown,
  type Undertaking,
} from "./undertakings.ts";

interface DecideOptions extends SharedOptions {
  readonly comment?: string;
  readonly key?: string;
}

const QUESTIONS: { readonly [D in ApprovalDecision]: string } = {
  approve: "Approve it?",
  reject: "Reject it?",
  withdraw: "Take your approval of it back?",
};

/** `approve`, `reject`, `withdraw`: a decision on what waits, bound to exactly what was looked at. */
export const decisionCommand = (decision: ApprovalDecision): CommandOf<DecideOptions> => ({
  arguments: [{ name: "<id>", description: "the id of a run, a restore or a change of a policy" }],
  options: [
    { flags: "--comment <text>", description: "a word on it, for the record" },
    ...(decision === "approve"
      ? [{ flags: "--key <file>", description: "sign it with this SSH key; needs ssh-keygen" }]
      : []),
  ],
  ledger: true,
  confirms: true,
  format: `${decision}/1`,
  members: UNDERTAKING_MEMBERS,
  examples: [`schemaledger ${decision} 01a2… --server http://127.0.0.1:7447`],
  details:
    decision === "withdraw"
      ? "Until it has begun. What it was approved for waits for somebody else then.\n"
      : "Whoever requested it cannot approve it, nor can the authors of a run's migrations.\n",
  run: (call) => decide(call, decision),
});

async function decide(call: Call<DecideOptions>, decision: ApprovalDecision): Promise<void> {
  const { args, options, out } = call;
  const client = await call.connect("write");
  const found = await findUndertaking(client, args[0]!);
  const { what, path, name, shown } = found;
  for (const line of await linesOf(client, found)) out.note(line);
  await call.confirm(QUESTIONS[decision]);
  // What nobody is asked about has none, and the service says so.
  const planDigest = shown.planDigest ?? NOTHING;
  const { comment, key } = options;
  const signature =
    key === undefined
      ? undefined
      : await sshSign(
          key,
          approvalStatement({ what, id: shown.id, planDigest }),
          APPROVAL_NAMESPACE,
        );
  const decided = await client.post<Shown>(`${path}/approvals`, {
    decision,
    planDigest,
    ...(comment === undefined ? {} : { comment }),
    ...(signature === undefined ? {} : { signature }),
  });
  const end = await followed(call, client, found, decided);
  out.result(documentOf(found, end), () => out.line(`${name} ${shown.id} is ${end.status}`));
}

const NOTHING = `sha256:${"0".repeat(64)}`;

/** On a data directory this process carries out what may begin now. */
async function followed(
  call: Call<DecideOptions>,
  client: Client,
  { what, path }: Undertaking,
  decided: Shown,
): Promise<Shown | RunView> {
  const goesOn = decided.status === "queued" || decided.status === "running";
  if (!goesOn) return decided;
  if (what === "run") return followRun(call, client, decided.id);
  return untilOver<Shown>(client, path, undefined, call.signal);
}

interface RestoreShown extends Shown {
  readonly backupId: string;
  readonly tables: readonly { readonly table: string }[] | null;
  readonly reason: string;
}

interface PolicyChangeShown extends Shown {
  readonly policy: Policy;
  readonly weakens: readonly string[];
}

/** What it would do, for whoever is to decide. */
async function linesOf(client: Client, { what, shown }: Undertaking): Promise<string[]> {
  const { id, database } = shown;
  switch (what) {
    case "run": {
      const run = shown as unknown as RunView;
      const steps = run.steps.map(({ version, name }) => `${version} ${name}`).join(", ");
      return [`Run ${id} of ${database} (${run.kind}): ${steps}`];
    }
    case "restore": {
      const { backupId, tables } = shown as RestoreShown;
      const { completedAt = null } = await client.get<{ completedAt?: string | null }>(
        `/v1/backups/${backupId}`,
      );
      const part = tables === null ? "everything" : tables.map(({ table }) => table).join(", ");
      return [
        `Restore ${id} of ${database}: ${part} becomes backup ${backupId} of ${completedAt ?? "?"}`,
      ];
    }
    case "policy-change": {
      const { policy, weakens } = shown as PolicyChangeShown;
      const now = await client.get<{ policy: Policy }>(
        `/v1/databases/${encodeURIComponent(database)}`,
      );
      return [
        `Change ${id} of the policy of ${database}, which would demand less: ${weakens.join(", ")}`,
        ...policyDiff(now.policy, policy),
      ];
    }
  }
}
