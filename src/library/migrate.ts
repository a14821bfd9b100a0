import { inputOf, type MigrationSet } from "../domain/migration/migration-source.ts";
import type { Digest } from "../domain/shared/digest.ts";
import { Conflict, DomainError, InvalidInput, NotFound } from "../domain/shared/errors.ts";
import { compareFiles, type FileComparison } from "./reconcile-files.ts";
import { refuseLeftOut } from "./left-out-steps.ts";
import { resolveSet } from "./resolve-set.ts";
import { nameFor, placeOf, wantedDatabase } from "./database-name.ts";
import type { DatabaseView, Desk, MigrationView, RunSignal, RunView } from "./desk.ts";

/** What a migration is told while it goes on. */
export type MigrateNews =
  | { readonly kind: "registered"; readonly database: string }
  | { readonly kind: "files"; readonly comparison: FileComparison; readonly set: MigrationSet }
  | { readonly kind: "started"; readonly run: RunView }
  | RunSignal;

export interface MigrateOrder {
  /** A path, or the name of a registered database. */
  readonly database: string;
  readonly set: MigrationSet;
  readonly to?: string;
  readonly reason?: string;
  readonly ticket?: string;
  /** RFC 3339: the run waits for it. */
  readonly notBefore?: string;
  /** May begin outside the window and during a freeze, for a reason and one approval more. */
  readonly exception?: boolean;
  /** Begins at once without approvals, for a reason, and must be reviewed afterwards. */
  readonly emergency?: boolean;
  readonly signal?: AbortSignal;
  /** The database is a copy of the file that the set ships, and not registered yet. */
  readonly isShipped?: boolean;
  readonly hear: (news: MigrateNews) => void;
}

export interface Migrated {
  /** The database's registered name. */
  readonly database: string;
  /** `waiting`: for an approval or its time; nothing was applied yet. */
  readonly outcome: "applied" | "nothing-to-do" | "waiting";
  /** The highest applied version. */
  readonly version: string | null;
  readonly applied: readonly { readonly version: string; readonly name: string }[];
  /** Null where there was nothing to do. */
  readonly run: RunView | null;
}

/** Registers what is new, plans, backs up, rehearses and applies. */
export async function migrate(desk: Desk, digest: Digest, order: MigrateOrder): Promise<Migrated> {
  const database = await databaseOf(desk, order);
  const { name } = database;
  const registered = await desk.migrations(name);
  const set = await resolveSet(order.set, {
    registered,
    isEmpty: () => desk.isEmpty(name),
    isShipped: order.isShipped ?? false,
    digest,
  });
  requireKnown({ ...order, set }, registered);
  refuseLeftOut(set, registered);
  const comparison = compareFiles(set.migrations, registered, digest, order.to);
  // Refused by the registration, with a diff: nothing is told to have been done before that.
  if (comparison.changed.length > 0)
    await desk.registerMigrations(name, comparison.changed.map(inputOf));
  order.hear({ kind: "files", comparison, set });
  refuseMissing(name, comparison);
  order.signal?.throwIfAborted();
  await registerFiles(desk, name, comparison);
  if (comparison.pending.length === 0)
    return {
      database: name,
      outcome: "nothing-to-do",
      version: database.version,
      applied: [],
      run: null,
    };
  const { to, reason, ticket, notBefore, exception, emergency } = order;
  const run = await desk.startRun(name, {
    ...(to === undefined ? {} : { to }),
    ...(reason === undefined ? {} : { reason }),
    ...(ticket === undefined ? {} : { ticket }),
    ...(notBefore === undefined ? {} : { notBefore }),
    ...(exception === undefined ? {} : { exception }),
    ...(emergency === undefined ? {} : { emergency }),
  });
  order.hear({ kind: "started", run });
  return resultOf(name, database.version, await followed(desk, run, order));
}

/**
 * An older checkout finds nothing to do. Where there is something, the folder is not the one that the
 * database was made from: what is missing there was removed, or belongs to another line of versions.
 */
function refuseMissing(name: string, { missing, pending }: FileComparison): void {
  const first = missing.find(({ adopted }) => (adopted ?? null) === null);
  if (first === undefined || pending.length === 0) return;
  throw new Conflict(
    "migration-file-missing",
    `Version ${first.version} is applied to ${name}, and the folder has no file of it`,
    {
      hint: "Put the file back, or accept with a reason that it is gone: POST …/migrations/{version}/acceptances",
      details: { missing: missing.map(({ version }) => version) },
    },
  );
}

/** A misspelt version must not look like one that is reached. */
export function requireKnown(
  { to, set }: Pick<MigrateOrder, "to" | "set">,
  registered: readonly MigrationView[],
): void {
  if (to === undefined || to === "latest") return;
  if ([...set.migrations, ...registered].some(({ version }) => version === to)) return;
  throw new InvalidInput("version-not-registered", `There is no version ${to}`, {
    hint: "Name the version of a file, or leave it away for the newest",
  });
}

/** The registered database that is meant, registered now if it is a file that is not. */
export async function databaseOf(
  desk: Desk,
  { database: text, hear }: Pick<MigrateOrder, "database" | "hear">,
): Promise<DatabaseView> {
  const wanted = wantedDatabase(text);
  const all = await desk.databases();
  if ("name" in wanted) {
    const named = all.find(({ name }) => name === wanted.name);
    if (named !== undefined) return named;
    throw new NotFound("database-not-found", `No database is registered as ${wanted.name}`, {
      hint: `Give the path of its file to register it: ./${wanted.name}.db`,
    });
  }
  const { engine, place, submitted, stem } = placeOf(wanted);
  const known = all.find(({ url, status }) => url === place && status !== "retired");
  if (known !== undefined) return known;
  const registered = await told(text, () => desk.register(nameFor(stem, all), engine, submitted));
  hear({ kind: "registered", database: registered.name });
  return registered;
}

/** The place is in the caller's words: the service's own messages do not repeat paths. */
async function told<T>(place: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof DomainError) error.message = `${place}: ${error.message}`;
    throw error;
  }
}

/**
 * A file that was edited or removed before it was applied replaces or withdraws its registration,
 * each as an event with the reason. One that is applied is refused with a diff by the registration.
 */
async function registerFiles(desk: Desk, name: string, files: FileComparison): Promise<void> {
  for (const { version } of files.edited)
    await desk.withdraw(name, version, "Its file was edited before it was applied");
  for (const { version } of files.gone)
    await desk.withdraw(name, version, "Its file is gone from the folder; it was never applied");
  const fresh = [...files.edited, ...files.fresh];
  if (fresh.length > 0) await desk.registerMigrations(name, fresh.map(inputOf));
}

async function followed(
  desk: Desk,
  run: RunView,
  { signal, hear }: MigrateOrder,
): Promise<RunView> {
  const cancel = (): void => {
    desk.cancel(run.id, "Cancelled by whoever started it").catch(() => {
      // It has ended already, or cannot be cancelled any more: its end says how.
    });
  };
  if (signal?.aborted === true) cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    return await desk.follow(run.id, hear);
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
}

function resultOf(database: string, before: string | null, run: RunView): Migrated {
  succeeded(run);
  const applied = run.steps
    .filter(({ status }) => status === "applied")
    .map(({ version, name }) => ({ version, name }));
  if (run.status !== "succeeded")
    return { database, outcome: "waiting", version: before, applied: [], run };
  const version = run.to ?? before;
  const outcome = run.outcome === "nothing-to-do" ? "nothing-to-do" : "applied";
  return { database, outcome, version, applied, run };
}

/** Throws for a run that failed, was cancelled or rejected. */
export function succeeded(run: RunView): RunView {
  if (run.status === "failed" || run.status === "rejected") throw runFailed(run);
  if (run.status === "cancelled") throw runFailed(run, "run-cancelled");
  return run;
}

/** The run's own error, with what is left of it as `details.run` and what is safe in words. */
function runFailed(run: RunView, code = run.error?.code ?? "run-failed"): DomainError {
  const message = run.error?.message ?? `The run has ended: ${run.status}`;
  const hint = run.error?.hint;
  const details = { safe: safety(run), run };
  return code === "plan-outdated"
    ? new Conflict(code, message, { hint, details })
    : new DomainError(code, message, { hint, details });
}

/** What the run left behind, in words. Outcomes that later versions know fall to the last one. */
function safety(run: RunView): string {
  const applied = run.steps
    .filter(({ status }) => status === "applied")
    .map(({ version }) => version);
  if (run.outcome === "untouched") return "The database was not touched.";
  if (run.outcome === "reverted")
    return "The steps that had been applied were rolled back by their down scripts.";
  if (run.outcome === "restored")
    return `The database was restored from the run's backup ${run.backupId ?? ""}`.trimEnd();
  if (run.outcome === "unknown")
    return "What became of a step is not known yet; the database is locked against further runs.";
  return applied.length === 0
    ? "The failed step was rolled back; nothing else was applied."
    : `The failed step was rolled back; applied and kept: ${applied.join(", ")}.`;
}
