import { APPROVAL_NAMESPACE, approvalStatement } from "../domain/trust/statements.ts";
import type { RunView } from "../library/desk.ts";
import type { Call, CommandOf } from "./command.ts";
import { followRun } from "./resources.ts";
import type { SharedOptions } from "./shared-options.ts";
import { sshSign } from "./ssh-sign.ts";

interface DecideOptions extends SharedOptions {
  readonly comment?: string;
  readonly key?: string;
}

/** `approve` and `reject`: a decision on a run that waits, bound to the plan that was looked at. */
export const decisionCommand = (decision: "approve" | "reject"): CommandOf<DecideOptions> => ({
  arguments: [{ name: "<run>", description: "the run's id" }],
  options: [
    { flags: "--comment <text>", description: "a word on it, for the record" },
    ...(decision === "reject"
      ? []
      : [{ flags: "--key <file>", description: "sign it with this SSH key; needs ssh-keygen" }]),
  ],
  ledger: true,
  confirms: true,
  format: `${decision}/1`,
  members: { run: "the run as `GET /v1/runs/{run}` gives it" },
  examples: [`schemaledger ${decision} 01a2… --server http://127.0.0.1:7447`],
  details: "Whoever requested a run cannot approve it.\n",
  run: (call) => decide(call, decision),
});

async function decide(call: Call<DecideOptions>, decision: "approve" | "reject"): Promise<void> {
  const { args, options, out } = call;
  const client = await call.connect("write");
  const path = `/v1/runs/${encodeURIComponent(args[0]!)}`;
  const run = await client.get<RunView>(path);
  const steps = run.steps.map(({ version, name }) => `${version} ${name}`).join(", ");
  out.note(`Run ${run.id} of ${run.database} (${run.kind}): ${steps}`);
  await call.confirm(`${decision === "approve" ? "Approve" : "Reject"} it?`);
  const { planDigest } = run;
  const { comment, key } = options;
  const signature =
    key === undefined
      ? undefined
      : await sshSign(
          key,
          approvalStatement({ what: "run", id: run.id, planDigest }),
          APPROVAL_NAMESPACE,
        );
  const decided = await client.post<RunView>(`${path}/approvals`, {
    decision,
    planDigest,
    ...(comment === undefined ? {} : { comment }),
    ...(signature === undefined ? {} : { signature }),
  });
  // On a data directory the run is carried out by this process.
  const goesOn = decided.status === "queued" || decided.status === "running";
  const shown = goesOn ? await followRun(call, client, run.id) : decided;
  out.result({ run: shown }, () => out.line(`Run ${run.id} is ${shown.status}`));
}
