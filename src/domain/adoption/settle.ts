import { checksumOf } from "../migration/migration.ts";
import type { Finding } from "../migration/events.ts";
import type { FileMigration } from "../migration/migration-source.ts";
import { compareMigrations, highest } from "../migration/migration-order.ts";
import type { Digest } from "../shared/digest.ts";
import type { AdoptionTarget } from "./adoption.ts";
import { digitsOf } from "./file-of.ts";
import { placeOf, type JudgedRow } from "./adopted-rows.ts";
import type { AdoptionDecision } from "./events.ts";

/** A row with what the ledger is going to make of it. */
export interface SettledRow extends JudgedRow {
  readonly inForce: boolean;
}

export interface Settled {
  readonly rows: readonly SettledRow[];
  /** Severity `error`: nothing may be adopted before somebody has decided. */
  readonly findings: readonly Finding[];
  /** Files whose text becomes that of an adopted version. */
  readonly texts: readonly FileMigration[];
  /** Versions that stay in force by decision, though the history has lost them. */
  readonly kept: readonly string[];
}

export interface ToSettle {
  readonly database: AdoptionTarget;
  /** For people: Flyway, goose … */
  readonly title: string;
  readonly rows: readonly JudgedRow[];
  readonly files: readonly FileMigration[];
  readonly decisions: ReadonlyMap<string, AdoptionDecision["as"]>;
  /** Versions that this table had brought into force, with their rows. */
  readonly earlier: ReadonlyMap<string, JudgedRow["row"]>;
  /** What a version's script would make, and whether it is there. */
  readonly evidence: (file: FileMigration) => string | undefined;
  readonly digest: Digest;
}

/** Decides what is in force. What the history leaves open is asked, never guessed. Pure. */
export function settle(input: ToSettle): Settled {
  const findings: Finding[] = [];
  const rows = input.rows.map((row): SettledRow => {
    const open = row.decides && isOpen(row) ? openFinding(row, input) : undefined;
    if (open !== undefined) findings.push(open);
    return { ...row, inForce: isInForce(row, input) };
  });
  const inForce = new Set(
    rows.filter((row) => row.inForce).flatMap(({ version }) => version ?? []),
  );
  rows.push(...gone(inForce, input, findings));
  for (const row of rows) findings.push(...remarksOn(row, input), ...filesFor(row, input));
  findings.push(...lateFiles(rows, input));
  const kept = [...input.earlier.keys()].filter(
    (version) => !inForce.has(version) && input.decisions.get(version) === "applied",
  );
  return { rows, findings, texts: textsOf(rows, input), kept };
}

const isOpen = ({ state }: JudgedRow): boolean => state === "failed" || state === "dirty";

function isInForce(row: JudgedRow, { decisions }: ToSettle): boolean {
  if (!row.decides || row.version === undefined) return false;
  if (isOpen(row)) return decisions.get(row.version) === "applied";
  return row.state === "applied" || row.state === "baseline";
}

function openFinding(row: JudgedRow, input: ToSettle): Finding | undefined {
  const { version = row.name, state, note, file } = row;
  const decided = input.decisions.get(version);
  if (decided !== undefined) return undefined;
  const evidence = file === undefined ? undefined : input.evidence(file);
  const said = [
    `${input.title} says that version ${version} (${row.name}) ${state === "dirty" ? "is dirty" : "failed"}: what it changed is not known`,
    ...(note === undefined ? [] : [note]),
    ...(evidence === undefined ? [] : [evidence]),
  ];
  return {
    severity: "error",
    code: "history-unsettled",
    message: said.join(". "),
    hint: `Look at the schema and the rows: if all that it does is there, adopt with --applied ${version}; if nothing is, with --not-applied ${version} (it stays pending); if half is, undo or finish it by hand first. Give a --reason with it`,
  };
}

/** Versions that this history had brought into force, and does not have any more. */
function gone(inForce: ReadonlySet<string>, input: ToSettle, findings: Finding[]): SettledRow[] {
  const { database, earlier, decisions, title } = input;
  const missing = [...earlier.keys()].filter((version) => {
    const migration = database.migrations.get(version);
    return (
      !inForce.has(version) && migration?.state === "applied" && migration.applied?.runId === null
    );
  });
  return missing.flatMap((version): SettledRow[] => {
    const now = otherName(version, input, inForce);
    if (now !== undefined) return [ended(database, version, `Its file calls it ${now}`)];
    const decided = decisions.get(version);
    if (decided === "applied") return [];
    if (decided === undefined) {
      const { name } = database.migrations.get(version)!;
      findings.push({
        severity: "error",
        code: "history-diverged",
        message: `${title}'s table does not say any more that version ${version} (${name}) is applied`,
        hint: `If it was rolled back, adopt with --not-applied ${version}; if its row is gone for another reason, with --applied ${version}. Give a --reason with it`,
      });
      return [];
    }
    return [ended(database, version, "Its row is gone: somebody says that it was rolled back")];
  });
}

/** The version that the same row has now that there are files. */
function otherName(
  version: string,
  { earlier, rows }: ToSettle,
  inForce: ReadonlySet<string>,
): string | undefined {
  const row = earlier.get(version);
  const text = row === undefined ? undefined : JSON.stringify(row);
  return rows.find(
    (other) =>
      other.version !== undefined &&
      inForce.has(other.version) &&
      ((text !== undefined && JSON.stringify(other.row) === text) ||
        digitsOf(other.version) === digitsOf(version)),
  )?.version;
}

const ended = ({ migrations }: AdoptionTarget, version: string, note: string): SettledRow => ({
  position: null,
  version,
  name: migrations.get(version)!.name,
  state: "reverted",
  decides: true,
  row: undefined,
  claimed: {},
  checksum: "absent",
  file: undefined,
  implied: undefined,
  implies: false,
  note,
  inForce: false,
});

/** With nothing in force above them, nothing would keep the files below from being run again. */
function filesFor({ implies, decides, inForce, version }: SettledRow, input: ToSettle): Finding[] {
  if (!implies || !decides || input.files.length > 0) return [];
  return [
    {
      severity: inForce ? "info" : "error",
      code: "files-needed",
      message: `${input.title} has no rows of the versions below ${version}: which there are, only the files say`,
      hint: "Adopt with the folder of the files: --dir DIR",
    },
  ];
}

function remarksOn(row: SettledRow, { database, title, digest }: ToSettle): Finding[] {
  const { version = row.name, checksum, file, inForce } = row;
  if (checksum === "mismatch")
    return [
      {
        severity: "warning",
        code: "file-edited",
        message: `${file!.files[0]} is not the file that ${title} applied as ${version}: its checksum is another`,
        hint: "The ledger takes the version for applied and keeps no text for it; put the applied file back and adopt again to keep it",
      },
    ];
  const known = database.migrations.get(version);
  if (!inForce || file === undefined || known === undefined || known.checksum === null) return [];
  if (known.state === "applied" || known.checksum === checksumOf(file, digest)) return [];
  return [
    {
      severity: "error",
      code: "registered-otherwise",
      message: `Version ${version} is registered with another text than ${file.files[0]} has`,
      hint: `Withdraw version ${version} first, then adopt again`,
    },
  ];
}

/** Files that a later version should have come after: tools with a high-water mark skip them. */
function lateFiles(settled: readonly SettledRow[], { files, rows, title }: ToSettle): Finding[] {
  const top = highest(settled.filter((row) => row.inForce).map(placeOf));
  if (top === undefined) return [];
  const spoken = new Set(rows.flatMap(({ file }) => (file === undefined ? [] : [file])));
  return files
    .filter((file) => !spoken.has(file) && file.repeatable !== true && file.baseline !== true)
    .filter((file) => compareMigrations(file, top) < 0)
    .map(({ version, files: [path] }) => ({
      severity: "warning",
      code: "file-not-applied",
      message: `${title}'s history does not have ${path} (version ${version}), though ${top.version} above it is applied`,
      hint: "If the tool passed it over, register its change under a version above; if it was applied, adopt says so only from the tool's own history",
    }));
}

/** A text that is not the applied one would be invented history. */
function textsOf(rows: readonly SettledRow[], { database }: ToSettle): FileMigration[] {
  const texts = rows.flatMap(({ inForce, file, checksum, version, state }) => {
    if (!inForce || file === undefined || checksum === "mismatch" || state === "baseline")
      return [];
    const known = database.migrations.get(version!);
    return known === undefined || known.checksum === null ? [file] : [];
  });
  return [...new Map(texts.map((file) => [file.version, file])).values()];
}
