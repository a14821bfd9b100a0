import { defineCommand } from "../command.ts";
import { tone } from "../output.ts";
import {
  databaseName,
  databasePath,
  requireDone,
  untilOver,
  type Operation,
} from "../resources.ts";
import type { SharedOptions } from "../shared-options.ts";
import { sizeText } from "../sizes.ts";

interface PruneOptions extends SharedOptions {
  readonly reason?: string;
  readonly dryRun?: boolean;
}

interface Planned {
  readonly id: string;
  readonly kind: string;
  readonly completedAt: string | null;
  readonly action: "keep" | "prune";
  readonly because: readonly string[];
}

interface Plan {
  readonly kept: number;
  readonly pruned: number;
  readonly storedBytes: number;
  readonly items: readonly Planned[];
}

interface Prune extends Operation {
  readonly pruned: readonly string[];
  readonly freedBytes: number;
}

export const command = defineCommand<PruneOptions>({
  arguments: [{ name: "<database>", description: "a registered name, or the file" }],
  options: [
    { flags: "--dry-run", description: "only say which, and what keeps the others" },
    { flags: "--reason <text>", description: "why, for the record (default: Pruned by hand)" },
  ],
  ledger: true,
  confirms: true,
  format: "prune/1",
  members: {
    database: "its registered name",
    plan: "what goes and what keeps the others, as a dry run of `POST …/prunes` gives it",
    prune: "the prune as `GET /v1/prunes/{prune}` gives it; null with --dry-run",
  },
  examples: ["schemaledger prune shop --dry-run", 'schemaledger prune shop --reason "Monthly"'],
  details: "What is kept is in the database's policy: `retention`.\n",
  run: async (call) => {
    const { args, options, out } = call;
    const client = await call.connect("write");
    const name = await databaseName(client, args[0]!);
    const path = databasePath(name, "prunes");
    const plan = await client.post<Plan>(path, { dryRun: true });
    const going = `${plan.pruned} of ${plan.pruned + plan.kept} backups (${sizeText(plan.storedBytes)}, shared parts included)`;
    if (options.dryRun === true) {
      out.result({ database: name, plan, prune: null }, () => {
        out.table(
          ["backup", "kind", "completed", "action", "because"],
          plan.items.map(({ id, kind, completedAt, action, because }) => [
            id,
            kind,
            completedAt ?? "",
            action,
            because.join(", "),
          ]),
        );
        out.line(`Dry run: nothing was changed. ${going} would go`);
      });
      return;
    }
    await call.confirm(`Remove ${going} of ${name}?`);
    const { id } = await client.post<Prune>(path, { reason: options.reason ?? "Pruned by hand" });
    const over = await untilOver<Prune>(client, `/v1/prunes/${id}`);
    const prune = requireDone(over, "The prune", "What was not pruned before is as it was.");
    out.result({ database: name, plan, prune }, () =>
      out.line(
        `${tone("good", "Done:")} ${prune.pruned.length} backups are gone, ${sizeText(prune.freedBytes)} freed`,
      ),
    );
  },
});
