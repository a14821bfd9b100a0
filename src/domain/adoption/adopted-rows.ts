import type { FileMigration } from "../migration/migration-source.ts";
import { compareMigrations, highest, type Placed } from "../migration/migration-order.ts";
import type { AdoptedState, Claimed, ChecksumVerdict } from "./events.ts";
import type { Cell } from "./history-table.ts";
import { fileOf } from "./file-of.ts";
import type { ReadRow, Reading } from "./reading.ts";

/** One row of a history, compared with the files. */
export interface JudgedRow {
  readonly position: number | null;
  readonly version: string | undefined;
  readonly name: string;
  readonly state: AdoptedState;
  /** False: a later row of the same version says what is in force. */
  readonly decides: boolean;
  readonly row: { readonly [column: string]: Cell } | undefined;
  readonly claimed: Claimed;
  readonly checksum: ChecksumVerdict;
  readonly file: FileMigration | undefined;
  readonly implied: string | undefined;
  /** It stands for versions below that have no row. */
  readonly implies: boolean;
  readonly note: string | undefined;
}

/** Compares the rows with the files, and adds what follows from a row without being one. */
export function judge({ rows }: Reading, files: readonly FileMigration[]): JudgedRow[] {
  const judged = rows.map((row) => judgeRow(row, files));
  const taken = new Set(judged.flatMap(({ file }) => (file === undefined ? [] : [file])));
  return [...judged, ...impliedBy(rows, judged, files, taken)];
}

function judgeRow(read: ReadRow, files: readonly FileMigration[]): JudgedRow {
  const matches = (file: FileMigration): boolean => verdictOf(read, file) === "match";
  const file = fileOf(read.file, files, matches);
  return {
    position: read.row.position,
    version: read.version === undefined ? repeatable(read, file, matches) : (file ?? read).version,
    name: file?.name ?? read.name,
    state: read.state,
    decides: read.decides,
    row: read.row.verbatim(),
    claimed: read.claimed,
    checksum: verdictOf(read, file),
    file,
    implied: undefined,
    implies: read.implies === true,
    note: read.note,
  };
}

/** A repeatable script is in force as long as its text is the one that ran. */
function repeatable(
  { state }: ReadRow,
  file: FileMigration | undefined,
  matches: (file: FileMigration) => boolean,
): string | undefined {
  return file !== undefined && state === "applied" && matches(file) ? file.version : undefined;
}

function verdictOf({ checksum }: ReadRow, file: FileMigration | undefined): ChecksumVerdict {
  if (checksum === undefined) return "absent";
  if (checksum.algorithm === "unknown") return "algorithm-unknown";
  const own = file?.origin?.checksum;
  // A folder that was read as another tool's has other checksums, or none.
  if (own === undefined || own.algorithm !== checksum.algorithm) return "not-compared";
  return own.values.includes(checksum.value) ? "match" : "mismatch";
}

/** Files below a row that stands for everything before it. */
function impliedBy(
  rows: readonly ReadRow[],
  judged: readonly JudgedRow[],
  files: readonly FileMigration[],
  taken: ReadonlySet<FileMigration>,
): JudgedRow[] {
  const standing = judged.filter(
    ({ version }, at) => version !== undefined && rows[at]!.implies === true && rows[at]!.decides,
  );
  const top = highest(standing.map(placeOf));
  if (top === undefined) return [];
  return files
    .filter((file) => !taken.has(file) && file.repeatable !== true)
    .filter((file) => file.baseline !== true && compareMigrations(file, top) < 0)
    .map((file) => ({
      position: null,
      version: file.version,
      name: file.name,
      state: "applied",
      decides: true,
      row: undefined,
      claimed: {},
      checksum: "absent",
      file,
      implied: top.version,
      implies: false,
      note: `Implied by version ${top.version}; it has no row of its own`,
    }));
}

/** Its file knows where it stands. */
export const placeOf = ({ version, file }: Pick<JudgedRow, "version" | "file">): Placed =>
  file ?? { version: version! };
