import type { Finding } from "../migration/events.ts";
import { lapsedVersions } from "../state/fold-adoption.ts";
import type { SchemaObject } from "../schema/schema.ts";
import type { DatabaseState } from "../state/state.ts";
import { fold } from "./history-table.ts";
import { recognise, type Recognised } from "./recognise.ts";
import { toolNamed } from "./tools/tools.ts";

/** What other tools' histories say against a plan. */
export function adoptionFindings(database: DatabaseState): Finding[] {
  const lapsed = lapsedVersions(database);
  if (lapsed.length > 0) return [adoptionLapsed(database, lapsed)];
  const used = [...database.migrations.values()].some(({ state }) => state === "applied");
  return used || database.histories.size > 0 ? [] : foreignHistories(database);
}

const adoptionLapsed = ({ name }: DatabaseState, versions: readonly string[]): Finding => ({
  severity: "error",
  code: "adoption-lapsed",
  message: `A backup from before the adoption was restored: whether ${versions.join(", ")} is applied, only the other tool's table in ${name} says`,
  hint: `Read it again: schemaledger adopt ${name}, or POST …/${name}/adoptions`,
});

/** Running the first version on a database that another tool keeps would repeat what it did. */
const foreignHistories = ({ name, schema }: DatabaseState): Finding[] =>
  historiesIn(schema).map(({ tool, table }) => ({
    severity: "error",
    code: "foreign-history",
    table,
    message: `${table} says what ${toolNamed(tool).title} has applied to ${name}; the ledger does not know it yet`,
    hint: `Take it over: schemaledger adopt ${name} --dir DIR, or POST …/${name}/adoptions`,
  }));

/** Each run plans more than once on the same schema. */
const known = new WeakMap<readonly SchemaObject[], readonly Recognised[]>();

function historiesIn(schema: readonly SchemaObject[]): readonly Recognised[] {
  const found = known.get(schema) ?? recognisedIn(schema);
  known.set(schema, found);
  return found;
}

function recognisedIn(schema: readonly SchemaObject[]): readonly Recognised[] {
  const tables = schema
    .filter(({ type }) => type === "table")
    .map((table) => ({
      name: table.name,
      columns: (table.columns ?? []).map((column) => column.name),
    }));
  return recognise(tables).found.filter(({ tool, table }) =>
    toolNamed(tool).usualNames.includes(fold(table)),
  );
}
