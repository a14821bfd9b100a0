import type { MigrationSet, UnmatchedFile } from "../domain/migration/migration-source.ts";
import { InvalidInput } from "../domain/shared/errors.ts";
import type { MigrationView } from "./desk.ts";

const SHOWN = 5;

/** Steps of the folder that would silently not run, and that nothing says to have run. */
export function stepsLeftOut(
  { unmatched }: Pick<MigrationSet, "unmatched">,
  registered: readonly MigrationView[],
): readonly UnmatchedFile[] {
  const applied = new Set(
    registered.flatMap(({ version, state }) => (state === "applied" ? [plain(version)] : [])),
  );
  return unmatched.filter(({ step }) => step !== undefined && !applied.has(plain(step)));
}

/** `0012` and `12` are the same to most tools. */
const plain = (version: string): string => version.replace(/^0+(?=\d)/, "");

/** What a database would lack is not found out later. Error: InvalidInput steps-left-out. */
export function refuseLeftOut(set: MigrationSet, registered: readonly MigrationView[]): void {
  const files = stepsLeftOut(set, registered).map(({ file }) => file);
  if (files.length === 0) return;
  const more = files.length > SHOWN ? ` and ${files.length - SHOWN} more` : "";
  throw new InvalidInput(
    "steps-left-out",
    `Steps that cannot be run would be left out: ${files.slice(0, SHOWN).join(", ")}${more}`,
    { hint: LEFT_OUT_HINT, details: { files } },
  );
}

export const LEFT_OUT_HINT =
  "Write what they do as SQL or JavaScript steps, or say why the database does not need it, in schemaledger.config.json: " +
  '{"migrations": {"ignore": {"PATTERN": "REASON"}}}';
