import { createHash } from "node:crypto";
import { InvalidInput } from "../../domain/shared/errors.ts";

/** A change of the plan. */
export interface SqitchChange {
  readonly name: string;
  readonly requires: readonly string[];
  readonly conflicts: readonly string[];
  readonly date: string;
  readonly planner: string;
  readonly note: string;
  /** Its scripts are kept under this name: with a tag, if the change was reworked later. */
  readonly script: string;
  /** 1 for the first of that name, 2 for its rework … */
  readonly nth: number;
  /** As Sqitch computes it. */
  readonly id: string;
}

const PRAGMA = /^%(\S+?)=(.*)$/;
const TAG = /^@(\S+)/;
const CHANGE =
  /^([^\s@%[][^\s[]*)(?:\s+\[([^\]]*)\])?\s+(\d{4}-\d\d-\d\dT[\d:]+Z)\s+(.*?<[^>]*>)(?:\s+#\s?(.*))?$/;

interface Draft extends Omit<SqitchChange, "script" | "nth" | "id"> {
  /** Tags that follow it. */
  readonly tags: string[];
}

/** Reads a plan. Error: InvalidInput format-invalid, for one that cannot be carried out, too. */
export function planOf(text: string): SqitchChange[] {
  const pragmas = new Map<string, string>();
  const drafts: Draft[] = [];
  for (const [at, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const [, pragma, value] = PRAGMA.exec(line) ?? [];
    const [, tag] = TAG.exec(line) ?? [];
    const change = CHANGE.exec(line);
    if (pragma !== undefined) pragmas.set(pragma, value!.trim());
    else if (tag !== undefined) drafts.at(-1)?.tags.push(tag);
    else if (change !== null) drafts.push(draftOf(change));
    else throw invalid(`line ${at + 1} is no change: ${line.slice(0, 80)}`);
  }
  const changes = named(drafts, pragmas);
  requireOrder(changes, drafts);
  return changes;
}

function draftOf([, name, needs = "", date, planner, note = ""]: RegExpExecArray): Draft {
  const words = needs.split(/\s+/).filter((word) => word !== "");
  return {
    name: name!,
    requires: words.filter((word) => !word.startsWith("!")),
    conflicts: words.filter((word) => word.startsWith("!")).map((word) => word.slice(1)),
    date: date!,
    planner: planner!,
    note,
    tags: [],
  };
}

function named(drafts: readonly Draft[], pragmas: ReadonlyMap<string, string>): SqitchChange[] {
  const changes: SqitchChange[] = [];
  const times = new Map<string, number>();
  for (const [at, draft] of drafts.entries()) {
    const nth = (times.get(draft.name) ?? 0) + 1;
    times.set(draft.name, nth);
    const again = drafts.findIndex(({ name }, other) => other > at && name === draft.name);
    const script = again < 0 ? draft.name : `${draft.name}@${tagBefore(drafts, again, draft.name)}`;
    const { tags: _, ...change } = draft;
    changes.push({ ...change, script, nth, id: idOf(draft, changes.at(-1)?.id, pragmas) });
  }
  return changes;
}

/** The last tag before a rework names the scripts of what it replaces. */
function tagBefore(drafts: readonly Draft[], at: number, name: string): string {
  const tag = drafts
    .slice(0, at)
    .flatMap(({ tags }) => tags)
    .at(-1);
  if (tag !== undefined) return tag;
  throw invalid(`${name} is there twice without a tag between`);
}

/** Everything that a change requires must come before it: else there is no order to run them in. */
function requireOrder(changes: readonly SqitchChange[], drafts: readonly Draft[]): void {
  const before = new Set<string>();
  const all = new Set(changes.map(({ name }) => name));
  const tags = new Set(drafts.flatMap((draft) => draft.tags));
  for (const [at, { name, requires, conflicts }] of changes.entries()) {
    for (const required of requires) {
      const [change, tag] = split(required);
      if (required.includes(":")) continue;
      if (change === "" && tags.has(tag!)) continue;
      if (before.has(change)) continue;
      const cycle = cycleFrom(name, changes);
      if (cycle !== undefined) throw invalid(`the changes need each other: ${cycle.join(" → ")}`);
      throw invalid(
        all.has(change)
          ? `${name} requires ${required}, which comes after it`
          : `${name} requires ${required}, which is not there`,
      );
    }
    const conflict = conflicts.find((other) => before.has(split(other)[0]));
    if (conflict !== undefined) throw invalid(`${name} conflicts with ${conflict} before it`);
    before.add(name);
    for (const tag of drafts[at]!.tags) before.add(`@${tag}`);
  }
}

const split = (text: string): [string, string | undefined] => {
  const at = text.indexOf("@");
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
};

/** The way from a change over what it requires back to itself. */
function cycleFrom(start: string, changes: readonly SqitchChange[]): string[] | undefined {
  const needs = new Map(changes.map(({ name, requires }) => [name, requires]));
  const seen = new Set<string>();
  const visit = (name: string, path: readonly string[]): string[] | undefined => {
    for (const required of needs.get(name) ?? []) {
      if (required === start) return [...path, name, start];
      if (seen.has(required)) continue;
      seen.add(required);
      const found = visit(required, [...path, name]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return visit(start, []);
}

function idOf(
  { name, requires, conflicts, date, planner, note }: Draft,
  parent: string | undefined,
  pragmas: ReadonlyMap<string, string>,
): string {
  const block = (title: string, mark: string, items: readonly string[]): string[] =>
    items.length === 0 ? [] : [title, ...items.map((item) => `  ${mark} ${item}`)];
  const uri = pragmas.get("uri");
  const info = [
    `project ${pragmas.get("project") ?? ""}`,
    ...(uri === undefined ? [] : [`uri ${uri}`]),
    `change ${name}`,
    ...(parent === undefined ? [] : [`parent ${parent}`]),
    `planner ${planner}`,
    `date ${date}`,
    ...block("requires", "+", requires),
    ...block("conflicts", "-", conflicts),
    ...(note === "" ? [] : ["", note]),
  ].join("\n");
  const bytes = Buffer.byteLength(info);
  return createHash("sha1").update(`change ${bytes}\0${info}`).digest("hex");
}

const invalid = (what: string): InvalidInput =>
  new InvalidInput("format-invalid", `sqitch.plan: ${what}`, {
    hint: "Correct the plan; `sqitch plan` shows whether Sqitch can read it",
  });
