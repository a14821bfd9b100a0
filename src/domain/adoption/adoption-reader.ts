import type { Dialect, Dialects } from "../engine/dialect.ts";
import type { Histories } from "../engine/database-engine.ts";
import type { EventOf } from "../events.ts";
import type { Finding } from "../migration/events.ts";
import type { FileMigration } from "../migration/migration-source.ts";
import type { Digest } from "../shared/digest.ts";
import { InvalidInput, NotFound } from "../shared/errors.ts";
import type { Ids } from "../shared/ids.ts";
import { judge, type JudgedRow } from "./adopted-rows.ts";
import { Adoption, type AdoptedTable, type AdoptionTarget } from "./adoption.ts";
import { historyKey } from "./adoption-state.ts";
import type { AdoptionDecision } from "./events.ts";
import type { Cell, FoundHistory } from "./history-table.ts";
import type { Wanted } from "./recognise.ts";
import { settle } from "./settle.ts";
import { damageOf, withConfirmedLocks } from "./soundness.ts";
import { toolNamed } from "./tools/tools.ts";

/** What reading needs, and deciding about what was read. */
export interface ReaderParts {
  readonly dialects: Dialects;
  readonly digest: Digest;
  readonly ids: Ids;
}

/** What is asked of an adoption. */
export interface AdoptionOrder extends Wanted {
  readonly files?: readonly FileMigration[];
  readonly decisions?: readonly AdoptionDecision[];
  /** A lock that the tool left behind is nobody's. */
  readonly confirmUnlocked?: boolean;
  readonly reason?: string;
}

/** What an adoption did, or would do. */
export interface AdoptionResult {
  readonly adoption: Adoption;
  /** `undecided`: a finding is an error, and nothing was recorded. */
  readonly outcome: "adopted" | "unchanged" | "undecided";
}

/** What would be recorded of what was found. */
export function readAdoption(
  parts: ReaderParts,
  database: AdoptionTarget,
  found: Histories,
  order: AdoptionOrder,
  earlier: readonly EventOf<"MigrationAdopted">[] = [],
): AdoptionResult {
  if (found.histories.length === 0) throw notFound(database, found.lookAlikes);
  const tables = found.histories.map((history) =>
    tableOf(parts, database, found, history, order, earlier),
  );
  const adoption = new Adoption(parts, { database, found, order, tables, earlier });
  refuseUnneeded(order, tables);
  const undecidedYet = adoption.findings.some(({ severity }) => severity === "error");
  if (undecidedYet) return { adoption, outcome: "undecided" };
  return { adoption, outcome: adoption.isNew ? "adopted" : "unchanged" };
}

function tableOf(
  parts: ReaderParts,
  database: AdoptionTarget,
  { live }: Histories,
  history: FoundHistory,
  order: AdoptionOrder,
  earlier: readonly EventOf<"MigrationAdopted">[],
): AdoptedTable {
  const { files = [], decisions = [] } = order;
  const tool = toolNamed(history.tool);
  const damage = damageOf(tool, history);
  const reading = tool.read(history);
  const findings = [...damage, ...withConfirmedLocks(reading.findings, order.confirmUnlocked)];
  const key = historyKey(history.table.name, history.beside);
  const settled = settle({
    database,
    title: tool.title,
    rows: damage.length > 0 ? [] : judge(reading, files),
    files,
    decisions: new Map(decisions.map((one) => [one.version, one.as])),
    earlier: inForceEarlier(earlier, history, database.histories.has(key)),
    evidence: (file) => evidenceOf(parts.dialects(database.engine), file, live),
    digest: parts.digest,
  });
  return { history, tool, reading, ...settled, findings: [...findings, ...settled.findings] };
}

/** What the script makes, and what of it is there: seen, not concluded. */
function evidenceOf(
  dialect: Dialect,
  { up }: FileMigration,
  { schema }: Histories["live"],
): string | undefined {
  const made = dialect.creates(up);
  if (made.length === 0) return undefined;
  const there = new Set(schema.map(({ type, name }) => `${type} ${name.toLowerCase()}`));
  const isThere = (thing: string): boolean => there.has(thing.toLowerCase());
  const list = (things: readonly string[]): string =>
    things.length === 0 ? "nothing" : things.slice(0, 20).join(", ");
  const things = made.map(({ type, name }) => `${type} ${name}`);
  return `Of what its script creates, there is: ${list(things.filter(isThere))}; there is not: ${list(things.filter((thing) => !isThere(thing)))}`;
}

function inForceEarlier(
  earlier: readonly EventOf<"MigrationAdopted">[],
  { table: { name }, tool }: FoundHistory,
  isKnown: boolean,
): ReadonlyMap<string, JudgedRow["row"]> {
  const inForce = new Map<string, { readonly [column: string]: Cell } | undefined>();
  if (!isKnown) return inForce;
  for (const { data } of earlier) {
    if (data.table !== name || data.tool !== tool || data.version === undefined) continue;
    if (data.inForce) inForce.set(data.version, data.row);
    else inForce.delete(data.version);
  }
  return inForce;
}

/** A decision about nothing is a misspelt version. */
function refuseUnneeded({ decisions = [] }: AdoptionOrder, tables: readonly AdoptedTable[]): void {
  const rows = tables.flatMap((table) => table.rows);
  for (const { version } of decisions) {
    const isOpen = rows.some(
      (row) => row.version === version && ["failed", "dirty", "reverted"].includes(row.state),
    );
    const diverged = tables.some(({ kept }) => kept.includes(version));
    if (!isOpen && !diverged)
      throw new InvalidInput("decision-unneeded", `Nothing is open about version ${version}`, {
        hint: "Name the versions that the findings name",
      });
  }
}

const notFound = ({ name }: AdoptionTarget, lookAlikes: readonly Finding[]): NotFound =>
  new NotFound("history-not-found", `No history of another tool was found in ${name}`, {
    hint:
      lookAlikes.length === 0
        ? "If its table is called otherwise than usual, name tool and table"
        : lookAlikes[0]!.message,
    details: { findings: lookAlikes },
  });
