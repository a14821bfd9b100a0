import type { Embedded } from "../api/embedded.ts";
import { appliedIn } from "../domain/migration/applied-versions.ts";
import type { DatabaseState } from "../domain/state/state.ts";
import { DomainError } from "../domain/shared/errors.ts";
import { placeOf, wantedDatabase } from "./database-name.ts";
import type { DatabaseView } from "./desk.ts";
import { requireKnown, type Migrated, type MigrateOrder } from "./migrate.ts";
import { compareFiles } from "./reconcile-files.ts";
import { stepsLeftOut } from "./left-out-steps.ts";
import { resolveSet } from "./resolve-set.ts";

/**
 * The quick answer at most starts of an application: everything is applied, nothing is open, and the
 * database itself says the same. It reads beside whoever works on the directory and records nothing,
 * because nothing happens. Undefined: it is not as simple as that.
 */
export async function nothingToDo(
  embedded: Embedded,
  order: MigrateOrder,
): Promise<Migrated | undefined> {
  const database = databaseRegisteredAs(embedded, order.database);
  if (database === undefined || !isSettled(database)) return undefined;
  const { services, views } = embedded;
  const registered = services.migrations.list(database.name);
  const { digest } = services;
  const isEmpty = (): boolean => database.schema.length === 0;
  const set = await resolveSet(order.set, { registered, isEmpty, digest });
  requireKnown({ ...order, set }, registered);
  if (stepsLeftOut(set, registered).length > 0) return undefined;
  const files = compareFiles(set.migrations, registered, digest, order.to);
  if (
    [files.fresh, files.changed, files.edited, files.gone, files.pending].some(
      ({ length }) => length > 0,
    )
  )
    return undefined;
  if (!(await agrees(embedded, database))) return undefined;
  order.hear({ kind: "files", comparison: files, set });
  const { name, version } = views.database(database) as DatabaseView;
  return { database: name, outcome: "nothing-to-do", version, applied: [], run: null };
}

/** By name, or by the path of its file. */
export function databaseRegisteredAs(
  { services }: Embedded,
  text: string,
): DatabaseState | undefined {
  const wanted = wantedDatabase(text);
  const place = "name" in wanted ? undefined : placeOf(wanted).place;
  return services.databases
    .list()
    .find(
      (database) =>
        database.retired === null &&
        ("name" in wanted ? database.name === wanted.name : database.url === place),
    );
}

/** No intent is without outcome, nothing waits, nothing is wrong. */
const isSettled = (database: DatabaseState): boolean =>
  database.quarantine === null &&
  database.drift === null &&
  database.fingerprint !== null &&
  database.openRuns.size === 0 &&
  database.openAttempts.size === 0 &&
  database.openRestores.size === 0;

/** Whether the file is that database, at the same schema, with the same steps applied. */
async function agrees({ services }: Embedded, database: DatabaseState): Promise<boolean> {
  try {
    const found = await services.sessions.use(database, database.id, ({ engine }) =>
      engine.schema(),
    );
    const applied = appliedIn(database);
    return (
      found.fingerprint === database.fingerprint &&
      found.applied.length === applied.length &&
      applied.every((version) => found.applied.includes(version))
    );
  } catch (error) {
    // Missing, locked, another database …: the run finds out, and records it.
    if (error instanceof DomainError) return false;
    throw error;
  }
}
