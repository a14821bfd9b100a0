import type { DatabaseEngine, DatabaseTarget, Inspection } from "../engine/database-engine.ts";
import type { DatabaseJobs } from "../engine/database-jobs.ts";
import type { Executor } from "../engine/executor.ts";
import { SERVICE_STREAM, databaseStream, type DomainEvent } from "../events.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Context } from "../shared/actor.ts";
import { Conflict, DomainError, InvalidInput, NotFound, failureOf } from "../shared/errors.ts";
import type { Ids } from "../shared/ids.ts";
import type { Projection } from "../state/projection.ts";
import type { DatabaseState } from "../state/state.ts";
import { DEFAULT_POLICY, type EngineName, type Physical, type Policy } from "./events.ts";
import { changed, type PolicyChange, type PolicyChecks } from "./policy.ts";

export interface RegisterDatabase {
  readonly name: string;
  readonly engine: EngineName;
  readonly url: string;
  readonly policy?: PolicyChange;
  /** Create the database if it is not there. */
  readonly create?: boolean;
}

/** Where a database is. */
export interface Place {
  /** The one url of it, without secrets. */
  readonly url: string;
  /** Keeps what the submitted url had beside it, for as long as the database is managed. */
  readonly keep: () => Promise<void>;
}

/**
 * Turns a submitted url into the one place it names, or refuses it (sqlite: outside the allowed roots,
 * a symlink out of them, not a regular file). `create` makes an empty database where none is (sqlite).
 */
export type ResolveUrl = (engine: EngineName, url: string, create: boolean) => Promise<Place>;

/** Registers databases and answers for them. */
export class DatabaseService {
  readonly #ledger: Ledger;
  readonly #projection: Projection;
  readonly #executor: Executor;
  readonly #jobs: DatabaseJobs;
  readonly #ids: Ids;
  readonly #resolve: ResolveUrl;
  readonly #checks: PolicyChecks;

  constructor(
    ledger: Ledger,
    projection: Projection,
    executor: Executor,
    jobs: DatabaseJobs,
    ids: Ids,
    resolve: ResolveUrl,
    checks: PolicyChecks,
  ) {
    this.#ledger = ledger;
    this.#projection = projection;
    this.#executor = executor;
    this.#jobs = jobs;
    this.#ids = ids;
    this.#resolve = resolve;
    this.#checks = checks;
  }

  /**
   * Looks at the database without writing, records the intent, installs the two marker tables and
   * records the schema as found. Errors: `Conflict` database-exists | url-registered |
   * other-ledger | clone; `InvalidInput` and `Unavailable` of the inspection (not-a-database …).
   */
  async register(input: RegisterDatabase, context: Context): Promise<DatabaseState> {
    const policy = changed(DEFAULT_POLICY, input.policy ?? {}, input.engine, this.#checks);
    this.#refuseName(input.name);
    const place = await this.#resolve(input.engine, input.url, input.create ?? false);
    // Serialised: two registrations must not both find the name or the database free.
    return this.#jobs.run(SERVICE_STREAM, () => this.#register(input, place, policy, context));
  }

  /** By name or id, retired ones by id only. Error: `NotFound` database-not-found. */
  find(nameOrId: string): DatabaseState {
    const { databases, databaseIds } = this.#projection.state;
    const database = databases.get(databaseIds.get(nameOrId) ?? nameOrId);
    if (database !== undefined) return database;
    throw new NotFound("database-not-found", `No database is registered as ${nameOrId}`, {
      hint: "GET /v1/databases lists them; POST /v1/databases registers one",
    });
  }

  /** All databases, by name. */
  list(): readonly DatabaseState[] {
    return [...this.#projection.state.databases.values()].toSorted((a, b) =>
      a.name < b.name ? -1 : a.name > b.name ? 1 : 0,
    );
  }

  async #register(
    input: RegisterDatabase,
    { url, keep }: Place,
    policy: Policy,
    context: Context,
  ): Promise<DatabaseState> {
    this.#refuseName(input.name);
    const target: DatabaseTarget = {
      engine: input.engine,
      url,
      databaseId: this.#ids.uuid(),
      origin: this.#ledger.origin,
      incarnation: this.#ids.uuid(),
    };
    const session = await this.#executor.open(target, silent);
    try {
      const inspection = await session.engine.inspect();
      this.#refuseUnusable(url, inspection);
      await keep();
      const fence = await this.#recordIntent(target, input.name, policy, context);
      await this.#install(session.engine, target.databaseId, fence, context);
    } finally {
      await session.close();
    }
    return this.find(target.databaseId);
  }

  async #install(
    engine: DatabaseEngine,
    databaseId: string,
    fence: number,
    context: Context,
  ): Promise<void> {
    const record = (event: DomainEvent): Promise<unknown> =>
      this.#ledger.append({
        stream: databaseStream(databaseId),
        expected: "any",
        events: [event],
        context: withoutKey(context, databaseId),
      });
    try {
      await record({ type: "SchemaBaselined", data: await engine.install(fence) });
    } catch (error) {
      const { code, message } = failureOf(error);
      const reason = `The marker tables could not be installed (${code}): ${message}`;
      await record({ type: "DatabaseQuarantined", data: { code: "registration-failed", reason } });
      throw error;
    }
  }

  async #recordIntent(
    target: DatabaseTarget,
    name: string,
    policy: Policy,
    context: Context,
  ): Promise<number> {
    const { databaseId, engine, url, incarnation } = target;
    const appended = await this.#ledger.append({
      stream: databaseStream(databaseId),
      expected: "none",
      events: [
        {
          type: "DatabaseRegistered",
          data: { databaseId, name, engine, url, incarnation, policy },
        },
      ],
      context: { ...context, correlation: databaseId },
    });
    return appended.events[0]!.index;
  }

  #refuseName(name: string): void {
    if (this.#projection.state.databaseIds.has(name))
      throw new Conflict("database-exists", `A database is already registered as ${name}`, {
        hint: `GET /v1/databases/${name} shows it`,
      });
  }

  #refuseUnusable(url: string, inspection: Inspection): void {
    if (inspection.problem !== undefined) {
      const { code, message, hint } = inspection.problem;
      throw new InvalidInput(code, message, { hint });
    }
    const same = this.list().find((database) => database.retired === null && database.url === url);
    const known = same ?? this.#underAnotherUrl(inspection);
    if (known !== undefined)
      throw new Conflict("url-registered", `This database is already registered as ${known.name}`);
    if (inspection.meta === undefined) return;
    const { origin, databaseId } = inspection.meta;
    if (origin !== this.#ledger.origin)
      throw new Conflict("other-ledger", `The database belongs to the ledger ${origin}`, {
        hint: "Manage it there, or remove its tables schemaledger_meta and schemaledger_marker first",
      });
    throw new Conflict(
      "clone",
      `The database carries the markers of ${this.#nameOf(databaseId)}: it is a copy or was moved`,
      {
        hint: "Drop schemaledger_meta and schemaledger_marker in the copy, then register it",
      },
    );
  }

  /** A server has many names; the database in it has one number. */
  #underAnotherUrl({ live, meta }: Inspection): DatabaseState | undefined {
    if (live === undefined || meta === undefined) return undefined;
    const known = this.#projection.state.databases.get(meta.databaseId);
    const isSame = known?.retired === null && samePlace(known.physical, live.physical);
    return isSame ? known : undefined;
  }

  #nameOf(databaseId: string): string {
    return this.#projection.state.databases.get(databaseId)?.name ?? databaseId;
  }
}

/** The idempotency key belongs to the first append of a command alone. */
function withoutKey({ idempotency: _used, ...context }: Context, correlation: string): Context {
  return { ...context, correlation };
}

/** The same database of the same cluster. */
const samePlace = (a: Physical | null, b: Physical): boolean =>
  a !== null &&
  "databaseOid" in a &&
  "databaseOid" in b &&
  a.systemIdentifier !== null &&
  a.systemIdentifier === b.systemIdentifier &&
  a.databaseOid === b.databaseOid;

const silent = {
  onProgress: (): void => {},
  onTablesSaved: (): Promise<void> =>
    Promise.reject(new DomainError("internal", "No step runs here")),
};
