import type { Direction } from "../../../domain/migration/events.ts";
import type { Client } from "../connection/open-client.ts";
import type { ScriptStatement } from "../sql/script.ts";
import { droppedNames, listOf, namesOf, rangeOf, type Written } from "../sql/tree.ts";
import { quoteName, quoteText } from "./quote.ts";

/** How to tell, later and without the script, whether one statement was executed. */
export type Probe =
  /** An index is there and valid. `made`: it was not there before, so that it can be taken away. */
  | {
      readonly kind: "index";
      readonly index: string;
      readonly table: string;
      readonly made: boolean;
    }
  /** Nothing of that name is there. */
  | { readonly kind: "gone"; readonly index: string }
  | { readonly kind: "enum"; readonly type: string; readonly label: string; readonly made: boolean }
  /** It can be repeated without harm, and leaves nothing to look at. */
  | { readonly kind: "repeatable" }
  | { readonly kind: "none" };

/** What the `started` marker keeps of an attempt. */
export interface ProbeNote {
  readonly direction: Direction;
  readonly probes: readonly Probe[];
  /** How many statements were executed to their end. */
  readonly done: number;
}

/** `ambiguous`: nobody can say. */
export type Answer = "applied" | "absent" | "ambiguous";

/** The note as text. */
export const noteText = (note: ProbeNote): string => `probe:${JSON.stringify(note)}`;

/** Reads a note back; undefined if it is not one. */
export function parseNote(text: string | null): ProbeNote | undefined {
  if (text?.startsWith("probe:{") !== true) return undefined;
  return JSON.parse(text.slice("probe:".length)) as ProbeNote;
}

const nameText = ({ schema, name }: Written): string =>
  schema === undefined ? quoteName(name) : `${quoteName(schema)}.${quoteName(name)}`;

/** The probes of a script, with what the database says before it runs. */
export async function probesOf(
  client: Client,
  parts: readonly ScriptStatement[],
): Promise<readonly Probe[]> {
  const probes: Probe[] = [];
  for (const part of parts) probes.push(await probeOf(client, part));
  return probes;
}

async function probeOf(client: Client, { kind, node }: ScriptStatement): Promise<Probe> {
  switch (kind) {
    case "IndexStmt": {
      const table = rangeOf(node["relation"]);
      if (typeof node["idxname"] !== "string" || table === undefined) return { kind: "none" };
      const index = nameText({ schema: await schemaOf(client, table), name: node["idxname"] });
      const made = (await stateOf(client, index)) === "absent";
      return { kind: "index", index, table: nameText(table), made };
    }
    case "DropStmt": {
      const [index, more] = droppedNames(node);
      const isOne = node["concurrent"] === true && index !== undefined && more === undefined;
      return isOne ? { kind: "gone", index: await fullName(client, index) } : { kind: "none" };
    }
    case "AlterEnumStmt": {
      const names = namesOf(listOf(node, "typeName"));
      const label = node["newVal"];
      if (typeof label !== "string" || node["oldVal"] !== undefined) return { kind: "none" };
      const type = names.map(quoteName).join(".");
      const made = !(await hasLabel(client, type, label));
      return { kind: "enum", type, label, made };
    }
    case "VacuumStmt":
    case "ReindexStmt":
    case "ClusterStmt":
    case "VariableSetStmt":
    case "DiscardStmt":
      return { kind: "repeatable" };
    default:
      return { kind: "none" };
  }
}

/** An index lies in the schema of its table. */
const schemaOf = async (client: Client, table: Written): Promise<string | undefined> =>
  table.schema ??
  (
    await client.query<{ readonly schema: string }>(
      `SELECT n.nspname AS schema FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass($1)`,
      [nameText(table)],
    )
  ).rows[0]?.schema;

const fullName = async (client: Client, name: Written): Promise<string> =>
  nameText({ schema: await schemaOf(client, name), name: name.name });

/** What there is of an index. */
export async function stateOf(
  client: Client,
  index: string,
): Promise<"valid" | "invalid" | "absent"> {
  const { rows } = await client.query<{ readonly valid: boolean }>(
    "SELECT indisvalid AND indisready AS valid FROM pg_index WHERE indexrelid = to_regclass($1)",
    [index],
  );
  return rows[0] === undefined ? "absent" : rows[0].valid ? "valid" : "invalid";
}

async function hasLabel(client: Client, type: string, label: string): Promise<boolean> {
  const { rows } = await client.query(
    "SELECT 1 FROM pg_enum WHERE enumtypid = to_regtype($1) AND enumlabel = $2",
    [type, label],
  );
  return rows.length > 0;
}

/** Looks whether a statement that was interrupted was executed. */
export async function ask(client: Client, probe: Probe): Promise<Answer> {
  switch (probe.kind) {
    case "index":
      return (await stateOf(client, probe.index)) === "valid" ? "applied" : "absent";
    case "gone":
      return (await stateOf(client, probe.index)) === "absent" ? "applied" : "absent";
    case "enum":
      return (await hasLabel(client, probe.type, probe.label)) ? "applied" : "absent";
    case "repeatable":
      return "absent";
    case "none":
      return "ambiguous";
  }
}

/** Takes away what an index build left that did not come to its end: it costs writes and enforces nothing. */
export async function clearInvalid(client: Client, index: string): Promise<boolean> {
  if ((await stateOf(client, index)) !== "invalid") return false;
  await client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${index}`);
  return true;
}

/** Takes back a statement that was executed, if that can be done. */
export async function takeBack(client: Client, probe: Probe): Promise<boolean> {
  if (probe.kind === "repeatable") return true;
  if (probe.kind !== "index") return false;
  if (probe.made) await client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${probe.index}`);
  return true;
}

/** Twins that an interrupted REINDEX CONCURRENTLY left beside the indexes of the database. */
export async function dropTwins(client: Client): Promise<readonly string[]> {
  const { rows } = await client.query<{ readonly name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$' AND c.relnamespace::regnamespace::text !~ ${quoteText("^pg_")}`,
  );
  for (const { name } of rows) await client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`);
  return rows.map(({ name }) => name);
}
