import type { Progress as EngineProgress } from "../domain/engine/database-engine.ts";
import type { MigrateNews } from "../library/migrate.ts";
import type { RunSignal } from "../library/desk.ts";
import { plain, type Output } from "./output.ts";
import { durationText, sizeText } from "./sizes.ts";

const WORDS: { readonly [P in EngineProgress["phase"]]: string } = {
  backup: "Backing up",
  verify: "Verifying the backup",
  rehearse: "Rehearsing",
  "table-backup": "Keeping tables",
  step: "Applying",
  checks: "Checking rows and references",
  restore: "Restoring",
  check: "Checking the database",
};

/** `.gitkeep` and its like: named in JSON and by `--dry-run`, of no interest at each run. */
const HIDDEN = /(^|\/)\.[^/]*$/;

const BAR = 24;
/** Between two redrawings of the line, ms: a terminal is slow. */
const REDRAW_MS = 50;

/**
 * Long work as people follow it, on stderr: a line for each thing that is done, and on a terminal a
 * last line with a bar for what goes on now.
 */
export class Progress {
  readonly #out: Output;
  readonly #isLive: boolean;
  #drawn = false;
  #last = 0;

  constructor(out: Output) {
    this.#out = out;
    this.#isLive = !out.json && process.stderr.isTTY === true;
  }

  /** A line that stays. */
  done(text: string): void {
    this.#erase();
    this.#out.note(text);
  }

  /** What a migration tells. */
  readonly hear = (news: MigrateNews): void => {
    if (news.kind === "registered") this.done(`Registered the database as ${news.database}`);
    if (news.kind === "files") this.#files(news);
    if (news.kind === "progress" || news.kind === "event") this.run(news);
  };

  /** What a run tells. */
  run(signal: RunSignal): void {
    if (signal.kind === "progress") this.now(signal.progress);
    else for (const line of eventLines(signal.type, signal.data)) this.done(line);
  }

  /** What goes on now, for terminals. */
  now(progress: EngineProgress): void {
    this.#live(() => liveLine(progress));
  }

  /** The same in words. */
  doing(text: string): void {
    this.#live(() => plain(text));
  }

  #live(line: () => string): void {
    if (!this.#isLive) return;
    const time = performance.now();
    if (this.#drawn && time - this.#last < REDRAW_MS) return;
    this.#last = time;
    this.#erase();
    this.#drawn = true;
    process.stderr.write(fitted(line()));
  }

  /** Takes the live line away. */
  end(): void {
    this.#erase();
  }

  #files({ comparison, set }: Extract<MigrateNews, { kind: "files" }>): void {
    const { fresh, edited, gone, missing } = comparison;
    for (const { file, reason } of set.unmatched.filter((one) => !HIDDEN.test(one.file)))
      this.done(`Not a migration: ${plain(file)} (${reason})`);
    for (const { version } of edited)
      this.done(`Version ${version} was edited before it was applied: registered anew`);
    for (const { version } of gone)
      this.done(`Version ${version} has no file any more and was never applied: withdrawn`);
    if (missing.length > 0)
      this.done(
        `Applied, but without a file here: ${missing.map((one) => one.version).join(", ")}`,
      );
    if (fresh.length > 0) this.done(`Registered ${count(fresh.length, "migration")}`);
  }

  #erase(): void {
    if (this.#drawn) process.stderr.write("\r\u001b[K");
    this.#drawn = false;
  }
}

type Data = { readonly [member: string]: unknown };

/** The lines that an event of a run is worth. */
function eventLines(type: string, data: Data): string[] {
  const duration = durationText(Number(data["durationMs"] ?? 0));
  switch (type) {
    case "BackupCompleted":
      return [`Backed up ${sizeText(Number(data["bytes"]))}`];
    case "BackupVerified":
      return ["Verified the backup: restored to a scratch place and compared"];
    case "RehearsalCompleted":
      return data["outcome"] === "failed"
        ? ["The rehearsal failed: the database is not touched"]
        : [`Rehearsed on the restored backup in ${duration}`];
    case "TableBackupCompleted":
      return [
        `Kept ${Object.keys((data["tables"] as object | undefined) ?? {})
          .map(plain)
          .join(", ")}`,
      ];
    case "StepApplied":
      return [`Applied ${plain(String(data["version"]))} in ${duration}`];
    case "StepReverted":
      return [`Rolled back ${plain(String(data["version"]))} in ${duration}`];
    case "StepFailed":
      return [`Failed ${plain(String(data["version"]))}: the step was rolled back`];
    case "StepAborted":
      return [`Found ${plain(String(data["version"]))} not applied`];
    case "DriftDetected":
      return ["The schema is not as the ledger knows it"];
    case "RestoreCompleted":
      return [`Restored in ${duration}`];
    default:
      return [];
  }
}

function liveLine({
  phase,
  version,
  statement,
  statements,
  fraction,
  detail,
}: EngineProgress): string {
  const part =
    fraction ?? (statement !== undefined && statements ? (statement - 1) / statements : undefined);
  const full = Math.round((part ?? 0) * BAR);
  const bar = part === undefined ? "" : `[${"#".repeat(full)}${"-".repeat(BAR - full)}] `;
  const of = statement === undefined ? "" : `, statement ${statement} of ${statements ?? "?"}`;
  const what = [WORDS[phase], version, detail].filter((word) => word !== undefined).join(" ");
  return bar + plain(what + of);
}

const fitted = (text: string): string => text.slice(0, (process.stderr.columns ?? 80) - 1);

const count = (n: number, word: string): string => `${n} ${word}${n === 1 ? "" : "s"}`;
