import type { ChangeReport } from "../../domain/audit/report/change-report.ts";
import type { Digest } from "../../domain/shared/digest.ts";
import type { Names } from "../views/names.ts";

/** What the formats of a report are made from. */
export interface ReportSource {
  readonly report: ChangeReport;
  readonly names: Names;
  readonly digest: Digest;
  /** The text of a script by its digest. */
  readonly script: (digest: string) => Promise<string | undefined>;
}

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
