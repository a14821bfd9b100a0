import type { Histories } from "../engine/database-engine.ts";
import type { DomainEvent, EventOf } from "../events.ts";
import { jcs } from "../ledger/jcs.ts";
import type { Content } from "../ledger/ledger.ts";
import type { Finding } from "../migration/events.ts";
import { checksumOf } from "../migration/migration.ts";
import type { FileMigration } from "../migration/migration-source.ts";
import { registrations } from "../migration/registration.ts";
import { diffSchema } from "../schema/schema.ts";
import type { Digest } from "../shared/digest.ts";
import type { Ids } from "../shared/ids.ts";
import type { Json } from "../shared/json.ts";
import type { DatabaseState } from "../state/state.ts";
import { historyKey } from "./adoption-state.ts";
import type { AdoptionDecision } from "./events.ts";
import type { FoundHistory } from "./history-table.ts";
import type { HistoryTool, Reading } from "./reading.ts";
import type { Settled, SettledRow } from "./settle.ts";
import { dumpDigest } from "./unchanged-histories.ts";

/** One table, with what is made of it. */
export interface AdoptedTable extends Settled {
  readonly history: FoundHistory;
  readonly tool: HistoryTool;
  readonly reading: Reading;
}

/** What the ledger knows of the database; a database that is not registered has nothing. */
export type AdoptionTarget = Pick<
  DatabaseState,
  "engine" | "name" | "fingerprint" | "schema" | "migrations" | "histories"
>;

interface Facts {
  readonly database: AdoptionTarget;
  readonly found: Histories;
  readonly order: { readonly decisions?: readonly AdoptionDecision[]; readonly reason?: string };
  readonly tables: readonly AdoptedTable[];
  readonly earlier: readonly EventOf<"MigrationAdopted">[];
}

/** What is to be recorded of the histories of one database. Pure. */
export class Adoption {
  readonly id: string;
  readonly facts: Facts;
  readonly #digest: Digest;
  readonly #known: ReadonlySet<string>;

  constructor({ ids, digest }: { readonly ids: Ids; readonly digest: Digest }, facts: Facts) {
    this.id = ids.uuid();
    this.facts = facts;
    this.#digest = digest;
    this.#known = new Set(facts.earlier.map(({ data }) => keyOf(data)));
  }

  get findings(): readonly Finding[] {
    const { found, tables } = this.facts;
    return [...found.lookAlikes, ...tables.flatMap(({ findings }) => findings), ...this.#twice()];
  }

  /** False: the ledger has every row of it, and every text. */
  get isNew(): boolean {
    const { database } = this.facts;
    return this.facts.tables.some((table) => {
      const { history, texts } = table;
      const known = database.histories.get(historyKey(history.table.name, history.beside));
      return (
        known?.dumpDigest !== this.dumpDigest(history) ||
        known.lapsed ||
        texts.length > 0 ||
        this.#fresh(table).length > 0
      );
    });
  }

  /** `HistoryImported` first: it is what a repeated request is answered by. */
  events(): DomainEvent[] {
    const { database, found, tables } = this.facts;
    const { live } = found;
    const events = tables.flatMap((table) => this.#eventsOf(table));
    if (database.fingerprint !== null && live.fingerprint !== database.fingerprint)
      events.push({
        type: "DriftDetected",
        data: {
          expected: database.fingerprint,
          found: live.fingerprint,
          differences: diffSchema(database.schema, live.schema),
        },
      });
    events.push({ type: "SchemaBaselined", data: { ...live, adoptionId: this.id } });
    return events;
  }

  contents(): readonly Content[] {
    const texts = this.facts.tables.flatMap((table) => table.texts);
    return this.#registered(texts).contents;
  }

  dumpDigest({ table }: FoundHistory): string {
    return dumpDigest(table, this.#digest);
  }

  #eventsOf(table: AdoptedTable): DomainEvent[] {
    const { history, reading, findings, texts, rows } = table;
    const { decisions = [], reason } = this.facts.order;
    const own = decisions.filter(({ version }) => rows.some((row) => row.version === version));
    return [
      {
        type: "HistoryImported",
        data: {
          adoptionId: this.id,
          tool: history.tool,
          ...(reading.toolVersion === undefined ? {} : { toolVersion: reading.toolVersion }),
          table: history.table.name,
          ...(history.beside === undefined ? {} : { beside: history.beside }),
          rows: history.table.rows.length,
          dumpDigest: this.dumpDigest(history),
          findings,
          ...(own.length === 0 ? {} : { decisions: own }),
          ...(reason === undefined ? {} : { reason }),
        },
      },
      ...this.#registered(texts).events,
      ...this.#fresh(table),
    ];
  }

  #fresh({ history, rows }: AdoptedTable): EventOf<"MigrationAdopted">[] {
    const lapsed = [...this.facts.database.histories.values()].some((one) => one.lapsed);
    return rows
      .map((row) => this.#adopted(history, row))
      .filter(({ data }) => lapsed || !this.#known.has(keyOf(data)));
  }

  #adopted({ tool, table }: FoundHistory, settled: SettledRow): EventOf<"MigrationAdopted"> {
    const { position, version, name, state, inForce, row, claimed, checksum, implied, note } =
      settled;
    return {
      type: "MigrationAdopted",
      data: {
        adoptionId: this.id,
        tool,
        table: table.name,
        position,
        ...(version === undefined ? {} : { version }),
        name: name.slice(0, 500),
        state,
        inForce,
        ...(row === undefined ? {} : { row }),
        claimed,
        checksum,
        file: settled.file === undefined ? "missing" : "present",
        ...(implied === undefined ? {} : { implied }),
        ...(note === undefined ? {} : { note }),
      },
    };
  }

  #registered(files: readonly FileMigration[]): ReturnType<typeof registrations> {
    const taken = files.map((input) => {
      const checksum = checksumOf(input, this.#digest);
      return { input, checksum, trust: undefined };
    });
    return registrations(taken, this.#digest);
  }

  /** Histories are never merged: a version that two tables have means two things. */
  #twice(): Finding[] {
    const owners = new Map<string, string>();
    const findings: Finding[] = [];
    for (const { history, rows } of this.facts.tables)
      for (const version of new Set(rows.flatMap((row) => (row.inForce ? row.version! : [])))) {
        const other = owners.get(version);
        if (other === undefined) owners.set(version, history.table.name);
        else findings.push(inTwoTables(version, other, history.table.name));
      }
    return findings;
  }
}

const inTwoTables = (version: string, one: string, other: string): Finding => ({
  severity: "error",
  code: "histories-collide",
  message: `Both ${one} and ${other} have a version ${version}: they are not the same migration`,
  hint: "Adopt the history that the files in use belong to alone: name its tool",
});

/** Equal for what says the same again. */
const keyOf = ({
  tool,
  table,
  version,
  state,
  inForce,
  row,
  checksum,
  file,
}: EventOf<"MigrationAdopted">["data"]): string =>
  jcs({
    tool,
    table,
    version: version ?? null,
    state,
    inForce,
    row: (row ?? null) as Json,
    checksum,
    file,
  });
