import type { DatabaseService } from "../database/database-service.ts";
import type { DatabaseEvents } from "../database/events.ts";
import { databaseStream } from "../events.ts";
import type { Content, Ledger } from "../ledger/ledger.ts";
import type { Digest } from "../shared/digest.ts";
import { InvalidInput, NotFound } from "../shared/errors.ts";
import { decide } from "../shared/recorder.ts";
import type { MigrationState } from "../state/migration-state.ts";
import type { Projection } from "../state/projection.ts";
import type { DatabaseState } from "../state/state.ts";
import { refuseInUse } from "./in-use.ts";
import { checksumOf, type Deviation, type MigrationInput } from "./migration.ts";
import { isOutOfOrder, newestApplied } from "./plan.ts";
import type { Registrant, Registrar } from "./registrar.ts";

export interface Acceptance {
  readonly deviation: Deviation;
  readonly reason: string;
  /** With `edited`: the migration as its files have it now. */
  readonly migration?: MigrationInput | undefined;
}

/** Records decisions of people about migrations that are not as the ledger knows them. */
export class Deviations {
  readonly #databases: DatabaseService;
  readonly #ledger: Ledger;
  readonly #digest: Digest;
  readonly #registrar: Registrar;
  readonly #projection: Pick<Projection, "state">;

  constructor(
    databases: DatabaseService,
    ledger: Ledger,
    digest: Digest,
    registrar: Registrar,
    projection: Pick<Projection, "state">,
  ) {
    this.#databases = databases;
    this.#projection = projection;
    this.#ledger = ledger;
    this.#digest = digest;
    this.#registrar = registrar;
  }

  /**
   * Accepts one deviation. An edited migration is from here on as its files have it; what ran stays on
   * record. Errors: `NotFound` migration-not-found · `InvalidInput` nothing-deviates |
   * acceptance-invalid · `Conflict` migration-in-use · those of `Registrar.take`.
   */
  async accept(
    name: string,
    version: string,
    acceptance: Acceptance,
    registrant: Registrant,
  ): Promise<MigrationState> {
    return decide(async () => {
      const database = this.#databases.find(name);
      const { streamVersion: expected } = database;
      const migration = database.migrations.get(version);
      if (migration === undefined)
        throw new NotFound("migration-not-found", `Version ${version} is not registered`);
      const { deviation, reason } = acceptance;
      const { registration, contents } = await this.#content(
        database,
        migration,
        acceptance,
        registrant,
      );
      await this.#ledger.append({
        stream: databaseStream(database.id),
        expected,
        events: [
          {
            type: "DeviationAccepted",
            data: {
              version,
              deviation,
              reason,
              ...(registration === undefined ? {} : { registration }),
            },
          },
        ],
        contents,
        context: registrant.context,
      });
      return database.migrations.get(version)!;
    });
  }

  async #content(
    database: DatabaseState,
    migration: MigrationState,
    { deviation, migration: input }: Acceptance,
    registrant: Registrant,
  ): Promise<{
    readonly registration?: DatabaseEvents["MigrationRegistered"];
    readonly contents: readonly Content[];
  }> {
    if ((deviation === "edited") !== (input !== undefined))
      throw new InvalidInput("acceptance-invalid", "Only an edited migration brings its new text", {
        hint: "Give migration with edited, and leave it away otherwise",
      });
    const { version, state } = migration;
    if (input === undefined) {
      const holds =
        deviation === "missing"
          ? state === "applied"
          : isOutOfOrder(migration, newestApplied(database));
      if (!holds) throw nothingDeviates(version, deviation);
      return { contents: [] };
    }
    if (input.version !== version || state !== "applied")
      throw new InvalidInput(
        "acceptance-invalid",
        `Version ${version} is not applied, or is meant otherwise`,
        {
          hint: "What is not applied can be withdrawn and registered anew",
        },
      );
    if (checksumOf(input, this.#digest) === migration.checksum)
      throw nothingDeviates(version, deviation);
    await refuseInUse(database, migration, this.#projection.state, () =>
      this.#registrar.refused(database, migration, "migration-in-use", registrant.context),
    );
    const taken = await this.#registrar.take(database, [input], registrant);
    const { events, contents } = this.#registrar.drafts(taken);
    return { registration: events[0]!.data, contents };
  }
}

const nothingDeviates = (version: string, deviation: Deviation): InvalidInput =>
  new InvalidInput("nothing-deviates", `Version ${version} is not ${deviation}`, {
    hint: "Look at the migrations again: somebody may have accepted or corrected it",
  });
