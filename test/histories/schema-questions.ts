import { rmSync } from "node:fs";
import { runBare, schemaOf } from "./bare.ts";
import { BruteBlame } from "./brute-blame.ts";
import type { HistoryStep } from "./history.ts";
import type { Answer } from "./service-client.ts";

/** Asks the service for something. */
export type Ask = (path: string) => Promise<Answer>;

interface Part {
  readonly type: string;
  readonly name: string | null;
  readonly table: string;
  readonly made: { readonly migration?: { readonly version: string } };
  readonly changed: { readonly migration?: { readonly version: string } };
}

/**
 * Asks the service for the schema after every step and for the blame after the last one, and works
 * both out anew by running the scripts in a plain shell. Returns what differs, in words.
 */
export async function checkSchemaQuestions(
  ask: Ask,
  steps: readonly HistoryStep[],
  bare: string,
): Promise<{ readonly asked: number; readonly differences: readonly string[] }> {
  const differences: string[] = [];
  const events = await appliedEvents(ask);
  const brute = new BruteBlame();
  let asked = 0;
  brute.step("nobody", "", bare);
  for (const { version, up } of steps) {
    await runBare(bare, up);
    brute.step(version, up, bare);
    const schema = await ask(`/v1/databases/app/schema?at=${events.get(version)}`);
    asked += 1;
    if (schema["fingerprint"] !== schemaOf(bare).fingerprint)
      differences.push(`The schema after ${version} is another one`);
  }
  for (const file of [bare, `${bare}-wal`, `${bare}-shm`]) rmSync(file, { force: true });
  const parts = await blamed(ask);
  const expected = brute.parts();
  asked += parts.size;
  for (const [key, { made, changed }] of expected) {
    const found = parts.get(key);
    if (found === undefined) differences.push(`${key} is not blamed on anybody`);
    else if (versionOf(found.made) !== made)
      differences.push(`${key} was made by ${made}, the service says ${versionOf(found.made)}`);
    else if (changed !== null && versionOf(found.changed) !== changed)
      differences.push(
        `${key} was changed by ${changed}, the service says ${versionOf(found.changed)}`,
      );
  }
  for (const key of parts.keys()) if (!expected.has(key)) differences.push(`${key} is not there`);
  return { asked, differences };
}

const versionOf = (origin: Part["made"]): string => origin.migration?.version ?? "nobody";

async function appliedEvents(ask: Ask): Promise<Map<string, number>> {
  const events = new Map<string, number>();
  for (let after = -1; ;) {
    const more = after < 0 ? "" : `&after=${after}`;
    const page = await ask(`/v1/audit/events?type=StepApplied&limit=100${more}`);
    const items = page["items"] as { index: number; data: { version: string } }[];
    for (const { index, data } of items) events.set(data.version, index);
    if (page["next"] === null) return events;
    after = items.at(-1)!.index;
  }
}

async function blamed(ask: Ask): Promise<Map<string, Part>> {
  const parts = new Map<string, Part>();
  for (let next = ""; ;) {
    const page = await ask(`/v1/databases/app/schema/blame?limit=1000${next}`);
    for (const part of page["items"] as Part[])
      if (part.type !== "constraint") parts.set(keyOf(part), part);
    if (page["next"] === null) return parts;
    next = `&after=${page["next"] as string}`;
  }
}

const keyOf = ({ type, name, table }: Part): string =>
  type === "column" ? `column ${table}.${name}` : `${type} ${name}`;
