import type { AdoptionResult } from "../../domain/adoption/adoption-reader.ts";
import type { AdoptionTarget } from "../../domain/adoption/adoption.ts";
import type { ImportedHistory } from "../../domain/adoption/adoption-state.ts";
import type { DomainEvent, RecordedEvent } from "../../domain/events.ts";
import type { DatabaseState } from "../../domain/state/state.ts";
import type { Names } from "./names.ts";

/** What an adoption did, or would do: its tables, what each row says, what is to be known. */
export function adoptionView(
  { name }: AdoptionTarget,
  { adoption, outcome }: AdoptionResult,
  dryRun: boolean,
): object {
  return {
    id: dryRun || outcome !== "adopted" ? null : adoption.id,
    database: name,
    outcome,
    dryRun,
    ...contentOf(adoption.events()),
    findings: adoption.findings,
  };
}

/** An adoption as the ledger has it. */
export const recordedAdoptionView = (
  { name }: DatabaseState,
  adoptionId: string,
  events: readonly RecordedEvent[],
  names: Names,
): object =>
  names.open({
    id: adoptionId,
    database: name,
    outcome: "adopted",
    dryRun: false,
    ...contentOf(events),
    findings: events.flatMap((event) =>
      event.type === "HistoryImported" ? event.data.findings : [],
    ),
    adoptedAt: events[0]!.time,
    adoptedBy: names.actor(events[0]!.actor.id),
    eventIndex: events[0]!.index,
  });

function contentOf(events: readonly DomainEvent[]): object {
  const tables = [];
  const migrations = [];
  let fingerprint: string | null = null;
  for (const { type, data } of events) {
    if (type === "HistoryImported") {
      const { adoptionId: _, findings: _findings, ...table } = data;
      tables.push(table);
    } else if (type === "MigrationAdopted") {
      const { adoptionId: _, version = null, ...row } = data;
      migrations.push({ version, ...row });
    } else if (type === "SchemaBaselined") fingerprint = data.fingerprint;
  }
  return { tables, migrations, fingerprint };
}

/** What memory has of it. */
export const adoptionSummary = (
  { name, histories }: DatabaseState,
  adoptionId: string,
): object => ({
  id: adoptionId,
  database: name,
  tables: [...histories.values()]
    .filter((history) => history.adoptionId === adoptionId)
    .map(tableView),
});

const tableView = ({ tool, table, beside, rows, dumpDigest }: ImportedHistory): object => ({
  tool,
  table,
  ...(beside === undefined ? {} : { beside }),
  rows,
  dumpDigest,
});

/** A history that was adopted, as a list shows it. */
export const historyView = (history: ImportedHistory, names: Names): object => ({
  id: history.adoptionId,
  ...tableView(history),
  lapsed: history.lapsed,
  adoptedAt: history.imported.time,
  adoptedBy: names.actor(history.imported.actor),
  eventIndex: history.imported.index,
});
