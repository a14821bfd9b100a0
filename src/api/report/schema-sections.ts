import type { Change } from "../../domain/audit/report/change.ts";
import { schemasOf, type ReportSource, type SchemaText } from "./report-source.ts";
import type { Section } from "./section.ts";

/** Of each database with a change the whole schema, before the period and at its end. */
export async function* schemaSections(
  source: ReportSource,
  changes: readonly Change[],
): AsyncGenerator<Section> {
  if (changes.length > 0)
    yield {
      id: "schemas",
      level: 1,
      title: "Schemas",
      note: "As SQL, before the period and at its end. What each change did to them is in its sheet.",
    };
  for await (const { databaseId, before, after } of schemasOf(source, changes)) {
    const name = source.names.database(databaseId);
    if (before?.fingerprint === after?.fingerprint) {
      yield schemaSection(`${databaseId}-same`, `${name}: before and after, unchanged`, after);
      continue;
    }
    yield schemaSection(`${databaseId}-before`, `${name}: before`, before);
    yield schemaSection(`${databaseId}-after`, `${name}: after`, after);
  }
}

const schemaSection = (id: string, title: string, schema: SchemaText | null): Section => ({
  id: `schema-${id}`,
  level: 2,
  title,
  ...(schema === null
    ? { note: "The ledger did not know the database yet." }
    : {
        facts: [
          ["Fingerprint", schema.fingerprint],
          ["Since", `#${schema.since}`],
        ] as const,
        text: schema.sql === "" ? "(no objects)" : schema.sql,
      }),
});
