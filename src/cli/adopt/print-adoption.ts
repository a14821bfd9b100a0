import type { Finding } from "../../domain/migration/events.ts";
import { plain, toned, tone, type Output } from "../output.ts";

/** What is shown of an adoption. */
export interface AdoptionDocument {
  readonly id: string | null;
  readonly database: string;
  readonly outcome: "adopted" | "unchanged" | "undecided";
  readonly dryRun: boolean;
  readonly tables: readonly {
    readonly tool: string;
    readonly toolVersion?: string;
    readonly table: string;
    readonly beside?: string;
    readonly rows: number;
  }[];
  readonly migrations: readonly {
    readonly version: string | null;
    readonly name: string;
    readonly state: string;
    readonly inForce: boolean;
    readonly implied?: string;
    readonly claimed: { readonly at?: string; readonly atIs?: string; readonly by?: string };
    readonly checksum: string;
    readonly file: string;
  }[];
  readonly findings: readonly Finding[];
  readonly unmatchedFiles: readonly { readonly file: string; readonly reason: string }[];
}

export function printAdoption(out: Output, document: AdoptionDocument): void {
  for (const { tool, toolVersion, table, beside, rows } of document.tables)
    out.line(
      `${tool}${toolVersion === undefined ? "" : ` ${plain(toolVersion)}`}: ${rows} ${rows === 1 ? "row" : "rows"} in ${plain(table)}${beside === undefined ? "" : ` of ${beside}`}`,
    );
  if (document.migrations.length > 0)
    out.table(
      ["version", "name", "its history says", "in force", "claimed time", "by", "checksum", "file"],
      document.migrations.map(
        ({ version, name, state, implied, inForce, claimed, checksum, file }) => [
          version,
          plain(name),
          implied === undefined ? state : `${state} (implied)`,
          inForce ? "yes" : "no",
          timeText(claimed),
          claimed.by === undefined ? "unknown" : plain(claimed.by),
          checksum,
          file,
        ],
      ),
    );
  for (const { file, reason } of document.unmatchedFiles)
    out.line(`Not a migration: ${plain(file)} (${reason})`);
  for (const { severity, message, hint } of document.findings)
    out.line(
      `${severityText(severity)} ${plain(message)}${hint === undefined ? "" : `\n  ${plain(hint)}`}`,
    );
  out.line(summary(document));
}

const timeText = ({ at, atIs }: AdoptionDocument["migrations"][number]["claimed"]): string =>
  at === undefined ? "unknown" : atIs === "file" ? `${at} (of the file)` : at;

function summary({ database, outcome, dryRun, migrations }: AdoptionDocument): string {
  const versions = migrations.filter(({ inForce }) => inForce).length;
  const many = `${versions} ${versions === 1 ? "version" : "versions"}`;
  switch (outcome) {
    case "undecided":
      return `${tone("bad", "Undecided:")} nothing was recorded; decide what is open, and adopt again`;
    case "unchanged":
      return `${tone("good", "Nothing new:")} the ledger has this history of ${database} already`;
    case "adopted":
      return dryRun
        ? `${tone("good", "Dry run:")} ${many} of ${database} would be in force; nothing was changed`
        : `${tone("good", "Adopted:")} ${many} of ${database} ${versions === 1 ? "is" : "are"} in force; schemaledger migrate applies what is new`;
  }
}

const severityText = (severity: Finding["severity"]): string =>
  toned(severity === "error" ? "bad" : severity === "warning" ? "warn" : "faint", `${severity}:`)
    .styled;
