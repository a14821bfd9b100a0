import { refuseFull } from "../database/queue.ts";
import { usable, type Background } from "../backup/backup-service.ts";
import type { BackupStore } from "../backup/backup-store.ts";
import type { BackupFacts } from "../backup/events.ts";
import type { DatabaseService } from "../database/database-service.ts";
import type { ExecutorSession } from "../engine/executor.ts";
import type { Sessions } from "../engine/sessions.ts";
import type { EventOf } from "../events.ts";
import { appliedIn } from "../migration/applied-versions.ts";
import type { Finding } from "../migration/events.ts";
import type { Context } from "../shared/actor.ts";
import type { Clock } from "../shared/clock.ts";
import { NotFound, failureOf } from "../shared/errors.ts";
import type { Ids } from "../shared/ids.ts";
import { onBehalf, type Recorder } from "../shared/recorder.ts";
import type { Projection } from "../state/projection.ts";
import type { CheckState, DatabaseState } from "../state/state.ts";
import type { CheckLevel } from "./events.ts";

/** Looks whether a database is sound and is what the ledger says. */
export class IntegrityService {
  readonly #databases: DatabaseService;
  readonly #projection: Projection;
  readonly #recorder: Recorder;
  readonly #sessions: Sessions;
  readonly #background: Background;
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #store: BackupStore;

  constructor(
    databases: DatabaseService,
    projection: Projection,
    recorder: Recorder,
    sessions: Sessions,
    background: Background,
    clock: Clock,
    ids: Ids,
    store: BackupStore,
  ) {
    this.#databases = databases;
    this.#projection = projection;
    this.#recorder = recorder;
    this.#sessions = sessions;
    this.#background = background;
    this.#clock = clock;
    this.#ids = ids;
    this.#store = store;
  }

  /** Records the intent and checks when its turn comes. */
  async request(
    name: string,
    input: { readonly level?: CheckLevel },
    context: Context,
  ): Promise<CheckState> {
    const database = refuseFull(usable(this.#databases.find(name)));
    const intent = this.intent(input.level ?? "quick");
    const { checkId } = intent.data;
    const { owned, jobs, report } = this.#background;
    owned.add(checkId);
    try {
      await this.#recorder.record(database.id, [intent], { ...context, correlation: checkId });
    } catch (error) {
      owned.delete(checkId);
      throw error;
    }
    const own = onBehalf(context, checkId, checkId);
    void jobs
      .run(database.id, () => this.#perform(database, checkId, own))
      .catch(report)
      .finally(() => owned.delete(checkId));
    return this.find(checkId);
  }

  /** Error: `NotFound` check-not-found. */
  async find(checkId: string): Promise<CheckState> {
    const check = await this.#projection.find("checks", checkId);
    if (check !== undefined) return check;
    throw new NotFound("check-not-found", `There is no integrity check ${checkId}`);
  }

  /** The event that begins a check; `carryOut` gives its outcome. */
  intent(level: CheckLevel, runId?: string): EventOf<"IntegrityCheckStarted"> {
    const run = runId === undefined ? {} : { runId };
    return { type: "IntegrityCheckStarted", data: { checkId: this.#ids.uuid(), level, ...run } };
  }

  /** Checks and returns the outcome to record; a check that cannot be carried out is `aborted`. */
  async carryOut(
    database: DatabaseState,
    checkId: string,
    level: CheckLevel,
    session: Pick<ExecutorSession, "engine">,
  ): Promise<EventOf<"IntegrityCheckCompleted">> {
    const began = this.#clock.elapsed();
    const outcome = await this.#check(database, level, session);
    const durationMs = Math.round(this.#clock.elapsed() - began);
    return { type: "IntegrityCheckCompleted", data: { checkId, ...outcome, durationMs } };
  }

  /** Examines a restored copy in full, against what the ledger says of its backup. */
  async examine(
    { engine }: Pick<ExecutorSession, "engine">,
    { fingerprint, applied }: Pick<BackupFacts, "fingerprint" | "applied">,
  ): Promise<{ readonly findings: readonly Finding[]; readonly durationMs: number }> {
    const began = this.#clock.elapsed();
    const result = await engine.check("full");
    const findings = [...result.findings];
    const same = result.applied.toSorted().join("\n") === applied.toSorted().join("\n");
    if (result.fingerprint !== fingerprint || !same)
      findings.push({
        severity: "error",
        code: "backup-differs",
        message: "What was restored has another schema or other versions than the ledger says",
        hint: "Make a new backup; do not rely on this one",
      });
    return { findings, durationMs: Math.round(this.#clock.elapsed() - began) };
  }

  /** Only page by page every bit is seen; and only if nobody wrote since the backup. */
  async #comparePages(
    database: DatabaseState,
    engine: ExecutorSession["engine"],
  ): Promise<readonly Finding[]> {
    const backup = this.#projection.state.backups.get(database.lastBackup ?? "");
    if (backup === undefined)
      return [pagesNotCompared("There is no verified backup to compare pages with")];
    try {
      const access = await this.#store.access(backup.id);
      const since = backup.started.time;
      const { compared, findings } = await engine.comparePages({ access, since });
      if (compared) return findings;
      return [pagesNotCompared(`It was written to since the last backup (${since})`)];
    } catch (error) {
      const { code, message } = failureOf(error);
      if (code.startsWith("executor-")) throw error;
      return [pagesNotCompared(`Backup ${backup.id} cannot be read: ${message}`)];
    }
  }

  async #perform(database: DatabaseState, checkId: string, context: Context): Promise<void> {
    const { level } = await this.find(checkId);
    const session = await this.#sessions.open(database, checkId);
    try {
      const outcome = await this.carryOut(database, checkId, level, session);
      await this.#recorder.record(database.id, [outcome], context);
    } finally {
      await session.close();
    }
  }

  async #check(
    database: DatabaseState,
    level: CheckLevel,
    { engine }: Pick<ExecutorSession, "engine">,
  ): Promise<{ status: "passed" | "failed" | "aborted"; findings: readonly Finding[] }> {
    try {
      const result = await engine.check(level);
      const findings = [
        ...result.findings,
        ...(level === "full" && database.engine === "sqlite"
          ? await this.#comparePages(database, engine)
          : []),
        ...comparedWithLedger(database, result.fingerprint, result.applied),
      ];
      const failed = findings.some(({ severity }) => severity === "error");
      return { status: failed ? "failed" : "passed", findings };
    } catch (error) {
      const { code, message, hint } = failureOf(error);
      const finding: Finding = { severity: "error", code, message };
      const status = code.startsWith("executor-") ? "aborted" : "failed";
      return { status, findings: [hint === undefined ? finding : { ...finding, hint }] };
    }
  }
}

/** What a comparison could not be made for says nothing about the database. */
const pagesNotCompared = (message: string): Finding => ({
  severity: "info",
  code: "pages-not-compared",
  message,
  hint: "Take a backup while nothing writes; the next full check compares with it",
});

/** A sound database can still be another one than the ledger says. */
function comparedWithLedger(
  database: DatabaseState,
  fingerprint: string,
  applied: readonly string[],
): Finding[] {
  const findings: Finding[] = [];
  if (fingerprint !== database.fingerprint)
    findings.push({
      severity: "error",
      code: "drift",
      message: "The schema is not the one the ledger knows",
      hint: "Undo the change made outside Schemaledger, or restore a backup",
    });
  const ledger = appliedIn(database);
  const missing = ledger.filter((version) => !applied.includes(version));
  const extra = applied.filter((version) => !ledger.includes(version));
  for (const version of missing)
    findings.push(disagreement("marker-missing", version, "has no marker in the database"));
  for (const version of extra)
    findings.push(disagreement("marker-unknown", version, "has a marker but is not applied"));
  return findings;
}

const disagreement = (code: string, version: string, what: string): Finding => ({
  severity: "error",
  code,
  message: `Version ${version} ${what}: ledger and database disagree`,
  hint: "The file may have been replaced by an older copy; restore a backup",
});
