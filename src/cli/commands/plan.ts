import type { Plan } from "../../domain/migration/plan.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { plain, tone } from "../output.ts";
import { databaseName, databasePath } from "../resources.ts";
import type { SharedOptions } from "../shared-options.ts";

interface PlanOptions extends SharedOptions {
  readonly to?: string;
}

export const command = defineCommand<PlanOptions>({
  arguments: [{ name: "<database>", description: "a registered name, or the file" }],
  options: [{ flags: "--to <version>", description: "stop at this version (default: the newest)" }],
  ledger: true,
  format: "plan/1",
  members: {
    database: "its registered name",
    kind: "`migrate`",
    from: "highest applied version now, or null",
    to: "and after the plan",
    steps: "`{version, name, checksum, direction, transaction}`",
    findings: "`{severity, code, message, hint?}`; severity `error` keeps a run from starting",
    reversible: "whether every step has a down script",
    planDigest: "what an approval is bound to",
  },
  examples: ["schemaledger plan shop", "schemaledger plan shop --to 7 --json"],
  details: "Plans what is registered. For files that are not: schemaledger migrate … --dry-run\n",
  run: async ({ args, options, out, connect }) => {
    const client = await connect("read");
    const name = await databaseName(client, args[0]!);
    const body = options.to === undefined ? {} : { to: options.to };
    const plan = await client.post<Plan>(databasePath(name, "plans"), body);
    out.result({ database: name, ...plan }, () => {
      out.facts([
        ["database", name],
        ["from", plan.from ?? "0 (before all)"],
        ["to", plan.to ?? "0 (before all)"],
        ["reversible", plan.reversible ? "yes" : "no"],
        ["digest", plan.planDigest],
      ]);
      out.line();
      if (plan.steps.length === 0) out.line("Nothing to apply.");
      else
        out.table(
          ["version", "name", "transaction"],
          plan.steps.map((step) => [step.version, step.name, step.transaction]),
        );
      for (const { severity, message, hint } of plan.findings) {
        const word = tone(severity === "error" ? "bad" : "warn", `${severity}:`);
        out.line(`${word} ${plain(message)}${hint === undefined ? "" : `\n  ${plain(hint)}`}`);
      }
    });
    return plan.findings.some(({ severity }) => severity === "error") ? EXIT.conflict : EXIT.done;
  },
});
