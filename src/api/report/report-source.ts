import type { ChangeReport } from "../../domain/audit/report/change-report.ts";
import type { Change } from "../../domain/audit/report/change.ts";
import type { SchemaAt, SchemaHistory } from "../../domain/schema/schema-history.ts";
import { statements } from "../views/schema-view.ts";
import type { Digest } from "../../domain/shared/digest.ts";
import type { Names } from "../views/names.ts";

/** What the formats of a report are made from. */
export interface ReportSource {
  readonly report: ChangeReport;
  readonly names: Names;
  readonly digest: Digest;
  /** The text of a script by its digest. */
  readonly script: (digest: string) => Promise<string | undefined>;
  /** The schemas of a database after two events; undefined if there was none yet. */
  readonly schemas: Pick<SchemaHistory, "findBoth">;
}

/** A database's schema as statements, and the event that led to it. */
export interface SchemaText {
  readonly fingerprint: string;
  readonly since: number;
  readonly sql: string;
}

/** Each database of some changes, with its schema before the period and at its end. */
export async function* schemasOf(
  { report: { period }, schemas }: ReportSource,
  changes: readonly Change[],
): AsyncGenerator<{
  readonly databaseId: string;
  readonly before: SchemaText | null;
  readonly after: SchemaText | null;
}> {
  for (const databaseId of new Set(changes.map((change) => change.databaseId))) {
    const [before, after] = await schemas.findBoth(databaseId, period.first - 1, period.last);
    yield { databaseId, before: textOf(before), after: textOf(after) };
  }
}

const textOf = (at: SchemaAt | undefined): SchemaText | null =>
  at === undefined
    ? null
    : { fingerprint: at.fingerprint, since: at.since.index, sql: statements(at.schema) };

/** Events in the period of these types; `*` is any. */
export const eventsOf = ({ eventsByType }: ChangeReport, types: readonly string[]): number =>
  [...eventsByType]
    .filter(([type]) => types.includes("*") || types.includes(type))
    .reduce((sum, [, count]) => sum + count, 0);

/** Digests of every script of every plan, each once, in order. */
export const digestsOf = ({ changes }: Pick<ChangeReport, "changes">): readonly string[] =>
  [
    ...new Set(
      changes.flatMap(({ plan }) =>
        plan.flatMap(({ up, down, verify }) => [up, down, verify].filter((one) => one !== null)),
      ),
    ),
  ].toSorted();
