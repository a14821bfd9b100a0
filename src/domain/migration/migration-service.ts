import { digitsOf } from "../adoption/file-of.ts";
import type { DatabaseService } from "../database/database-service.ts";
import type { Dialects } from "../engine/dialect.ts";
import { databaseStream } from "../events.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Context } from "../shared/actor.ts";
import type { Digest } from "../shared/digest.ts";
import { Conflict, InvalidInput, NotFound } from "../shared/errors.ts";
import { decide } from "../shared/recorder.ts";
import type { Projection } from "../state/projection.ts";
import type { DatabaseState } from "../state/state.ts";
import type { MigrationState } from "../state/migration-state.ts";
import type { Finding } from "./events.ts";
import { refuseInUse } from "./in-use.ts";
import { checksumOf, type MigrationInput } from "./migration.ts";
import { inOrder, planMigrate, type Plan } from "./plan.ts";
import type { Registrant, Registrar } from "./registrar.ts";

/** A readable difference of two texts, for people. */
export type DiffText = (name: string, before: string, after: string) => string;

/** Registers migrations and plans them. */
export class MigrationService {
  readonly #databases: DatabaseService;
  readonly #projection: Projection;
  readonly #ledger: Ledger;
  readonly #dialects: Dialects;
  readonly #digest: Digest;
  readonly #diff: DiffText;
  readonly #registrar: Registrar;

  constructor(
    databases: DatabaseService,
    projection: Projection,
    ledger: Ledger,
    dialects: Dialects,
    digest: Digest,
    diff: DiffText,
    registrar: Registrar,
  ) {
    this.#databases = databases;
    this.#projection = projection;
    this.#ledger = ledger;
    this.#dialects = dialects;
    this.#digest = digest;
    this.#diff = diff;
    this.#registrar = registrar;
  }

  /**
   * Registers what is new, all or nothing. A version that is registered with the same checksum is
   * left as it is. Errors: `Conflict` migration-changed (with a diff) · `InvalidInput`
   * duplicate-version · those of `Registrar.take`.
   */
  async register(
    name: string,
    inputs: readonly MigrationInput[],
    registrant: Registrant,
  ): Promise<{ readonly items: readonly MigrationState[]; readonly created: boolean }> {
    refuseDuplicates(inputs);
    return decide(() => this.#register(this.#databases.find(name), inputs, registrant));
  }

  async #register(
    database: DatabaseState,
    inputs: readonly MigrationInput[],
    registrant: Registrant,
  ): Promise<{ readonly items: readonly MigrationState[]; readonly created: boolean }> {
    const { streamVersion } = database;
    const fresh: MigrationInput[] = [];
    for (const input of inputs)
      if (!(await this.#isRegistered(database, input, registrant.context))) fresh.push(input);
    const taken = await this.#registrar.take(database, fresh, registrant);
    if (taken.length > 0)
      await this.#ledger.append({
        stream: databaseStream(database.id),
        expected: streamVersion,
        ...this.#registrar.drafts(taken),
        context: registrant.context,
      });
    const items = inputs.map(({ version }) => database.migrations.get(version)!);
    return { items, created: fresh.length > 0 };
  }

  /**
   * Gives up a migration that is not applied: it leaves every plan, and its version may be
   * registered anew. The events stay. Errors: `NotFound` migration-not-found · `Conflict`
   * migration-applied | migration-in-use (an open run plans it).
   */
  async withdraw(
    name: string,
    version: string,
    reason: string,
    context: Context,
  ): Promise<MigrationState> {
    return decide(async () => {
      const database = this.#databases.find(name);
      const migration = withdrawable(database, version);
      await refuseInUse(database, migration, this.#projection.state, () =>
        this.#registrar.refused(database, migration, "migration-in-use", context),
      );
      await this.#ledger.append({
        stream: databaseStream(database.id),
        expected: database.streamVersion,
        events: [{ type: "MigrationWithdrawn", data: { version, reason } }],
        context,
      });
      return migration;
    });
  }

  /** Registered migrations in version order. */
  list(name: string): readonly MigrationState[] {
    return inOrder(this.#databases.find(name));
  }

  /** What a run to `to` would do now, with what is known of it from its text. */
  async plan(name: string, to: string | undefined): Promise<Plan> {
    const database = this.#databases.find(name);
    const plan = planMigrate(database, to, this.#digest);
    const findings = [...plan.findings];
    for (const step of plan.steps)
      findings.push(...(await this.#findingsOf(database, step.version)));
    return { ...plan, findings };
  }

  async #findingsOf({ engine, migrations }: DatabaseState, version: string): Promise<Finding[]> {
    const migration = migrations.get(version)!;
    const sql = migration.up === null ? "" : ((await this.#ledger.content(migration.up)) ?? "");
    const analysis = this.#dialects(engine).analyze({ ...migration, sql });
    const prefix = `Version ${version}: `;
    return [
      ...analysis.findings.map((finding) => ({ ...finding, message: prefix + finding.message })),
      ...analysis.rewritings.map((message) => rewritten(prefix + message)),
      ...analysis.destroys.map((table) => destroys(prefix, table)),
    ];
  }

  async #isRegistered(
    database: DatabaseState,
    input: MigrationInput,
    context: Context,
  ): Promise<boolean> {
    const known = database.migrations.get(input.version);
    if (known === undefined) {
      refuseAdoptedTwin(database, input.version);
      return false;
    }
    if (known.checksum === null) {
      if (known.state === "applied") throw adoptedWithoutText(known.version);
      return false;
    }
    const checksum = checksumOf(input, this.#digest);
    if (known.checksum === checksum && known.name === input.name) return true;
    const refused = { version: input.version, checksum };
    await this.#registrar.refused(database, refused, "migration-changed", context);
    throw new Conflict(
      "migration-changed",
      `Version ${input.version} is registered with other content and cannot be changed`,
      {
        hint: "Register the change as a new version; a version that is not applied can be withdrawn",
        details: {
          version: input.version,
          registered: { name: known.name, checksum: known.checksum },
          submitted: { name: input.name, checksum },
          diff: await this.#differences(known, input),
        },
      },
    );
  }

  async #differences(known: MigrationState, input: MigrationInput): Promise<string> {
    const parts: string[] = [];
    if (known.name !== input.name) parts.push(this.#diff("name", known.name, input.name));
    if (known.transaction !== (input.transaction ?? "required"))
      parts.push(this.#diff("transaction", known.transaction, input.transaction ?? "required"));
    const allowed = JSON.stringify(known.allow);
    if (allowed !== JSON.stringify(input.allow ?? {}))
      parts.push(this.#diff("allow", allowed, JSON.stringify(input.allow ?? {})));
    for (const part of ["up", "down", "verify", "functions"] as const) {
      const text = known[part] ?? undefined;
      const before = text === undefined ? "" : await this.#ledger.content(text);
      const after = input[part] ?? "";
      if ((before ?? "") !== after) parts.push(this.#diff(part, before ?? "", after));
    }
    return parts.join("\n");
  }
}

/** Nobody has shown which text the other tool applied: any would do. */
const adoptedWithoutText = (version: string): Conflict =>
  new Conflict("migration-adopted", `Version ${version} was applied by another tool`, {
    hint: "Adopt once more with the folder of its files: they are compared with the tool's checksums",
  });

/** `0001` beside the adopted `1`: it would be applied a second time. */
function refuseAdoptedTwin({ migrations }: DatabaseState, version: string): void {
  for (const { version: known, adopted, applied } of migrations.values())
    if (adopted !== null && applied?.runId === null && digitsOf(known) === digitsOf(version))
      throw new Conflict(
        "migration-adopted",
        `Version ${version} is the adopted version ${known} written otherwise`,
        { hint: "Adopt once more with the folder of its files, so that each is known by its file" },
      );
}

function withdrawable(database: DatabaseState, version: string): MigrationState {
  const migration = database.migrations.get(version);
  if (migration === undefined)
    throw new NotFound("migration-not-found", `Version ${version} is not registered`);
  if (migration.state === "applied")
    throw new Conflict("migration-applied", `Version ${version} is applied`, {
      hint: "Roll it back first",
    });
  return migration;
}

function refuseDuplicates(inputs: readonly MigrationInput[]): void {
  const seen = new Set<string>();
  for (const { version } of inputs) {
    if (seen.has(version))
      throw new InvalidInput("duplicate-version", `Version ${version} is submitted twice`);
    seen.add(version);
  }
}

const rewritten = (message: string): Finding => ({ severity: "info", code: "rewritten", message });

const destroys = (prefix: string, table: string): Finding => ({
  severity: "info",
  code: "table-backup",
  table,
  message: `${prefix}Table ${table} is backed up before the step rebuilds, drops or deletes from it`,
});
