import { plain } from "./output.ts";

/** A policy as the API gives it. */
export interface Policy {
  readonly [member: string]: unknown;
}

/** The members that differ, a line each for what was and what is to be. */
export function policyDiff(before: Policy, after: Policy): string[] {
  const members = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted();
  const lines: string[] = [];
  for (const member of members) {
    const [was, is] = [textOf(before[member]), textOf(after[member])];
    if (was === is) continue;
    if (was !== undefined) lines.push(plain(`- ${member}: ${was}`));
    if (is !== undefined) lines.push(plain(`+ ${member}: ${is}`));
  }
  return lines;
}

const textOf = (value: unknown): string | undefined =>
  value === undefined ? undefined : JSON.stringify(sorted(value));

/** The same content has one text, whoever wrote it. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, one]) => [name, sorted(one)]));
}
