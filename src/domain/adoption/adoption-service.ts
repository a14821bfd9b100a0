import type { DatabaseService } from "../database/database-service.ts";
import { refuseBusy } from "../database/refuse-busy.ts";
import type { DatabaseJobs } from "../engine/database-jobs.ts";
import type { Sessions } from "../engine/sessions.ts";
import { databaseStream, type EventOf } from "../events.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { refuseCode } from "../migration/code-steps.ts";
import type { Context } from "../shared/actor.ts";
import { Conflict, InvalidInput } from "../shared/errors.ts";
import { decide } from "../shared/recorder.ts";
import type { Projection } from "../state/projection.ts";
import type { DatabaseState, LedgerState } from "../state/state.ts";
import type { Adoption } from "./adoption.ts";
import {
  readAdoption,
  type AdoptionOrder,
  type AdoptionResult,
  type ReaderParts,
} from "./adoption-reader.ts";

export interface AdoptionParts extends ReaderParts {
  readonly databases: DatabaseService;
  readonly projection: Pick<Projection, "state">;
  readonly ledger: Ledger;
  readonly sessions: Sessions;
  readonly jobs: DatabaseJobs;
  /** Migrations may bring code. */
  readonly allowsCode: boolean;
  /** Opens sealed values of events. */
  readonly open: <T>(value: T) => T;
}

/** Events read at a time. */
const PAGE = 1000;

/** Takes over what other migration tools have recorded. Writes nothing into the database. */
export class AdoptionService {
  readonly #parts: AdoptionParts;

  constructor(parts: AdoptionParts) {
    this.#parts = parts;
  }

  /**
   * Records the histories found, what each row says, and the schema as it is; all in one append, or
   * nothing. Errors: `NotFound` history-not-found · `Conflict` adoption-undecided (with the findings),
   * database-busy, database-quarantined · `InvalidInput` decision-unneeded, reason-missing.
   */
  async adopt(name: string, order: AdoptionOrder, context: Context): Promise<AdoptionResult> {
    requireReason(order);
    const { id } = this.#parts.databases.find(name);
    // Decided anew if the ledger knows more of the database by then.
    return this.#parts.jobs.run(id, () => decide(() => this.#adopt(id, order, context)));
  }

  async #adopt(id: string, order: AdoptionOrder, context: Context): Promise<AdoptionResult> {
    const database = adoptable(this.#parts.databases.find(id), this.#parts.projection.state);
    const { streamVersion } = database;
    const result = await this.preview(id, order);
    if (result.outcome === "undecided") throw undecided(database, result.adoption);
    if (result.outcome === "unchanged") return result;
    const { adoption } = result;
    // Their down scripts can run one day.
    for (const { texts } of adoption.facts.tables)
      for (const file of texts) refuseCode(file, this.#parts.allowsCode);
    await this.#parts.ledger.append({
      stream: databaseStream(database.id),
      expected: streamVersion,
      events: adoption.events(),
      contents: adoption.contents(),
      context: { ...context, correlation: adoption.id },
    });
    return result;
  }

  /** The same without recording anything. Errors as above, but for adoption-undecided. */
  async preview(name: string, order: AdoptionOrder): Promise<AdoptionResult> {
    const database = this.#parts.databases.find(name);
    const { tool, table } = order;
    const found = await this.#parts.sessions.use(database, database.id, ({ engine }) =>
      engine.histories({
        registered: true,
        ...(tool === undefined ? {} : { tool }),
        ...(table === undefined ? {} : { table }),
      }),
    );
    return readAdoption(this.#parts, database, found, order, await this.#earlier(database));
  }

  async #earlier({ id, histories }: DatabaseState): Promise<EventOf<"MigrationAdopted">[]> {
    if (histories.size === 0) return [];
    const events: EventOf<"MigrationAdopted">[] = [];
    for (let after: number | undefined; ;) {
      const page = await this.#parts.ledger.read({
        stream: databaseStream(id),
        types: ["MigrationAdopted"],
        limit: PAGE,
        order: "asc",
        ...(after === undefined ? {} : { after }),
      });
      for (const { type, data } of page)
        if (type === "MigrationAdopted") events.push({ type, data: this.#parts.open(data) });
      if (page.length < PAGE) return events;
      after = page.at(-1)!.index;
    }
  }
}

function adoptable(database: DatabaseState, state: LedgerState): DatabaseState {
  const { name, retired, quarantine } = database;
  if (retired !== null) throw new Conflict("database-retired", `${name} is no longer managed`);
  if (quarantine !== null)
    throw new Conflict("database-quarantined", `${name} is quarantined: ${quarantine.reason}`, {
      hint: `POST /v1/databases/${name}/releases ends it, once it is what the ledger says`,
    });
  refuseBusy(database, state);
  return database;
}

function requireReason({ decisions = [], confirmUnlocked = false, reason }: AdoptionOrder): void {
  if ((decisions.length === 0 && !confirmUnlocked) || (reason !== undefined && reason !== ""))
    return;
  throw new InvalidInput(
    "reason-missing",
    "A decision about another tool's history needs a reason",
    {
      hint: "Say in reason what was looked at, and what was found",
    },
  );
}

function undecided({ name }: DatabaseState, { findings }: Adoption): Conflict {
  const errors = findings.filter(({ severity }) => severity === "error");
  return new Conflict(
    "adoption-undecided",
    `The history in ${name} leaves ${errors.length} ${errors.length === 1 ? "thing" : "things"} open. ${errors[0]!.message}`,
    { hint: errors[0]!.hint, details: { findings } },
  );
}
