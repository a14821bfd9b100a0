import type { Command } from "./command.ts";

/** A line of the program's help. The command's own file is loaded when it is called. */
export interface Entry {
  readonly name: string;
  readonly summary: string;
  readonly group: Group;
  readonly load: () => Promise<{ readonly command: Command }>;
}

export type Group = "Migrate" | "Backups" | "History" | "Service";

const entry = (group: Group, name: string, summary: string, load: Entry["load"]): Entry => ({
  name,
  summary,
  group,
  load,
});

/** Every command, in the order of the help. One line and one file in `commands/` each. */
export const COMMANDS: readonly Entry[] = [
  entry(
    "Migrate",
    "migrate",
    "Bring a database to the newest version",
    () => import("./commands/migrate.ts"),
  ),
  entry(
    "Migrate",
    "adopt",
    "Take over the history of another migration tool",
    () => import("./commands/adopt.ts"),
  ),
  entry(
    "Migrate",
    "detect",
    "Show how a folder of migrations is read, and why",
    () => import("./commands/detect.ts"),
  ),
  entry(
    "Migrate",
    "lint",
    "Look for what is dangerous in migrations before they run",
    () => import("./commands/lint.ts"),
  ),
  entry(
    "Migrate",
    "test",
    "Try migrations there, back and there again, on scratch databases",
    () => import("./commands/test.ts"),
  ),
  entry(
    "Migrate",
    "accept",
    "Accept that files differ from what was applied",
    () => import("./commands/accept.ts"),
  ),
  entry("Migrate", "plan", "Show what a run would do", () => import("./commands/plan.ts")),
  entry(
    "Migrate",
    "rehearse",
    "Execute the plan on a restored copy only",
    () => import("./commands/rehearse.ts"),
  ),
  entry("Migrate", "runs", "List and show runs", () => import("./commands/runs.ts")),
  entry("Migrate", "rollback", "Undo applied versions", () => import("./commands/rollback.ts")),
  entry(
    "Migrate",
    "approve",
    "Approve a run, a restore or a change of a policy that waits",
    () => import("./commands/approve.ts"),
  ),
  entry("Migrate", "reject", "Reject one that waits", () => import("./commands/reject.ts")),
  entry("Migrate", "withdraw", "Take an own approval back", () => import("./commands/withdraw.ts")),
  entry(
    "Migrate",
    "review",
    "Review an emergency after its end",
    () => import("./commands/review.ts"),
  ),
  entry(
    "Migrate",
    "cancel",
    "Cancel a run, a restore or a change of a policy",
    () => import("./commands/cancel.ts"),
  ),
  entry(
    "Migrate",
    "init",
    "Make a ledger and a folder for migrations",
    () => import("./commands/init.ts"),
  ),
  entry(
    "Migrate",
    "new",
    "Make the files of the next migration",
    () => import("./commands/new.ts"),
  ),
  entry("Migrate", "sign", "Sign migrations with an SSH key", () => import("./commands/sign.ts")),
  entry(
    "Migrate",
    "status",
    "Show databases, their versions and migrations",
    () => import("./commands/status.ts"),
  ),
  entry(
    "Backups",
    "backup",
    "Back a database up, and verify the backup",
    () => import("./commands/backup.ts"),
  ),
  entry(
    "Backups",
    "backups",
    "List and verify backups that were taken",
    () => import("./commands/backups.ts"),
  ),
  entry("Backups", "restore", "Bring a backup back", () => import("./commands/restore.ts")),
  entry(
    "Backups",
    "recover",
    "Bring a database back, or everything from a backup directory",
    () => import("./commands/recover.ts"),
  ),
  entry(
    "Backups",
    "prune",
    "Remove the backups that the policy does not keep",
    () => import("./commands/prune.ts"),
  ),
  entry(
    "Backups",
    "holds",
    "Keep backups from being removed, whatever the policy says",
    () => import("./commands/holds.ts"),
  ),
  entry(
    "Backups",
    "scrub",
    "Read every backup of a database again and compare it",
    () => import("./commands/scrub.ts"),
  ),
  entry(
    "Backups",
    "drill",
    "Restore the newest verified backup to a scratch place and examine it",
    () => import("./commands/drill.ts"),
  ),
  entry("Backups", "check", "Check a database's integrity", () => import("./commands/check.ts")),
  entry(
    "Backups",
    "schedules",
    "Have backups, checks and drills done time and again",
    () => import("./commands/schedules.ts"),
  ),
  entry("History", "log", "Print the audit history", () => import("./commands/log.ts")),
  entry(
    "History",
    "schema",
    "Print a database's schema, now or in the past",
    () => import("./commands/schema.ts"),
  ),
  entry(
    "History",
    "diff",
    "Compare schemas: the ledger's with the live one, or two points in time",
    () => import("./commands/diff.ts"),
  ),
  entry(
    "History",
    "blame",
    "Show who made each part of a schema",
    () => import("./commands/blame.ts"),
  ),
  entry(
    "History",
    "verify",
    "Verify a ledger, its checkpoints and its databases",
    () => import("./commands/verify.ts"),
  ),
  entry(
    "History",
    "proof",
    "Write the proof that an event is in the ledger",
    () => import("./commands/proof.ts"),
  ),
  entry("History", "export", "Export the log to a directory", () => import("./commands/export.ts")),
  entry(
    "History",
    "erase",
    "Erase what is kept of an actor in words and names",
    () => import("./commands/erase.ts"),
  ),
  entry(
    "History",
    "report",
    "Report every change of a period to auditors",
    () => import("./commands/report.ts"),
  ),
  entry(
    "History",
    "evidence",
    "Write a report with its proofs into one archive",
    () => import("./commands/evidence.ts"),
  ),
  entry("Service", "serve", "Start the service", () => import("./commands/serve.ts")),
  entry(
    "Service",
    "witness",
    "Cosign the checkpoints of ledgers, as a witness",
    () => import("./commands/witness.ts"),
  ),
  entry(
    "Service",
    "ledger",
    "Bring a ledger that is behind forward, or give it up",
    () => import("./commands/ledger.ts"),
  ),
  entry(
    "Service",
    "policy",
    "Show or change what a database demands of runs and restores",
    () => import("./commands/policy.ts"),
  ),
  entry("Service", "keys", "Issue, list and revoke API keys", () => import("./commands/keys.ts")),
  entry(
    "Service",
    "alerts",
    "Say where alerts are sent, and look what became of them",
    () => import("./commands/alerts.ts"),
  ),
  entry("Service", "doctor", "Look for what needs attention", () => import("./commands/doctor.ts")),
  entry(
    "Service",
    "demo",
    "Play the story of a lost table against a real service",
    () => import("./commands/demo.ts"),
  ),
  entry(
    "Service",
    "completion",
    "Print the completion script of a shell",
    () => import("./commands/completion.ts"),
  ),
];
