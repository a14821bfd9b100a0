import { NotFound, Refused } from "../../domain/shared/errors.ts";
import type { Kind } from "../../domain/state/entity-query.ts";
import type { Projection } from "../../domain/state/projection.ts";
import type { Route } from "../route.ts";
import type { Principal } from "./principal.ts";

/** Exists, but is none of the caller's business: answered as what does not exist, and recorded. */
export class OutOfScope extends NotFound {}

/** Which databases a request may concern. */
export interface Scope {
  /** Of a database's id. */
  allows(databaseId: string): boolean;
}

/** Of keys without a limit. */
export const EVERYTHING: Scope = { allows: () => true };

/**
 * Refuses what shows more than databases to a key that is limited to some: which files there are, for
 * one. Error: `Refused` key-limited.
 */
export function refuseLimited(scope: Scope, hint: string): void {
  if (scope === EVERYTHING) return;
  throw new Refused("key-limited", "The key is limited to some databases", { hint });
}

/** Path parameters that name something of one database → where it is looked up. */
const ENTITIES: { readonly [parameter: string]: Kind } = {
  run: "runs",
  backup: "backups",
  restore: "restores",
  policyChange: "policyChanges",
  check: "checks",
  prune: "prunes",
  recovery: "recoveries",
  scrub: "scrubs",
  drill: "drills",
};

/**
 * Keeps a key that is limited to some databases within them. What a route concerns is read off its
 * path and query: `{database}`, a run, a backup or whatever else belongs to one, or the query's `database`. A route
 * that names none of these concerns the whole service and is refused, unless it says by `reach`
 * that it shows nothing of databases, or only those of the call's scope.
 *
 * Errors: NotFound …-not-found, as if it did not exist; Refused key-limited.
 */
export async function scopeOf(
  { databases }: Principal,
  route: Route,
  params: { readonly [name: string]: string },
  query: { readonly database?: unknown },
  projection: Projection,
): Promise<Scope> {
  if (databases === null) return EVERYTHING;
  const allowed = new Set(databases);
  const scope: Scope = { allows: (id) => allowed.has(id) };
  const named = params["database"] ?? query.database;
  if (typeof named === "string") {
    const { databaseIds, databases: all } = projection.state;
    const id = databaseIds.get(named) ?? named;
    if (!allowed.has(id)) throw unknownThing("database", named, all.has(id));
    return scope;
  }
  for (const [parameter, kind] of Object.entries(ENTITIES)) {
    const id = params[parameter];
    if (id === undefined) continue;
    const found = await projection.find(kind, id);
    if (found === undefined || !allowed.has(found.databaseId))
      throw unknownThing(parameter, id, found !== undefined);
    return scope;
  }
  const hold = params["hold"];
  if (hold !== undefined) {
    const holders = [...projection.state.databases.values()].filter(({ holds }) => holds.has(hold));
    if (!holders.some(({ id }) => allowed.has(id)))
      throw unknownThing("hold", hold, holders.length > 0);
    return scope;
  }
  const schedule = params["schedule"];
  if (schedule !== undefined) {
    const found = projection.state.schedules.get(schedule);
    if (found === undefined || !allowed.has(found.databaseId))
      throw unknownThing("schedule", schedule, found !== undefined);
    return scope;
  }
  if (route.reach !== undefined) return scope;
  throw new Refused("key-limited", "The key is limited to some databases", {
    hint:
      route.query === undefined
        ? "Use a key without this limit"
        : "Name one of its databases, if the path takes ?database=, or use a key without this limit",
  });
}

/**
 * One answer for what others have and for what does not exist, at the same place: before the body is
 * read, or a key would learn from which error comes first what there is.
 */
function unknownThing(thing: string, name: string, exists: boolean): NotFound {
  const Unknown = exists ? OutOfScope : NotFound;
  switch (thing) {
    case "database":
      return new Unknown("database-not-found", `No database is registered as ${name}`, {
        hint: "GET /v1/databases lists them; POST /v1/databases registers one",
      });
    case "run":
      return new Unknown("run-not-found", `There is no run ${name}`, {
        hint: "GET /v1/runs lists them",
      });
    case "backup":
      return new Unknown("backup-not-found", `There is no backup ${name}`);
    case "restore":
      return new Unknown("restore-not-found", `There is no restore ${name}`);
    case "policyChange":
      return new Unknown("policy-change-not-found", `There is no change of a policy ${name}`, {
        hint: "GET /v1/databases/{database}/policy-changes lists those of a database",
      });
    case "prune":
      return new Unknown("prune-not-found", `There is no prune ${name}`);
    case "recovery":
      return new Unknown("recovery-not-found", `There is no recovery ${name}`);
    case "scrub":
      return new Unknown("scrub-not-found", `There is no scrub ${name}`);
    case "drill":
      return new Unknown("drill-not-found", `There is no drill ${name}`);
    case "hold":
      return new Unknown("hold-not-found", `There is no hold ${name}, or it was released`);
    case "schedule":
      return new Unknown("schedule-not-found", `There is no schedule ${name}, or it was deleted`, {
        hint: "GET /v1/schedules lists them",
      });
    default:
      return new Unknown("check-not-found", `There is no check ${name}`);
  }
}
