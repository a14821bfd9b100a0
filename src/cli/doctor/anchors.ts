import { join } from "node:path";
import { DomainError } from "../../domain/shared/errors.ts";
import { readAnchorsFile } from "../../infra/anchors/anchors-file.ts";
import { NodeDigest } from "../../infra/signing/node-digest.ts";
import type { Client } from "../client/client.ts";
import type { Page } from "../resources.ts";
import { fine, odd, wrong, type Examined } from "./examined.ts";

const WHAT = "anchors";

/** Whether anything outside keeps the ledger's checkpoints. */
export async function examineAnchors(data: string): Promise<Examined[]> {
  const file = join(data, "anchors.conf");
  try {
    const { exports, witnesses, timestamps } = await readAnchorsFile(file, new NodeDigest());
    const parts = [
      [exports.length, "exports"],
      [witnesses.length, "witnesses"],
      [timestamps.length, "time stamps"],
    ].filter(([count]) => count !== 0);
    if (parts.length > 0)
      return [fine(WHAT, parts.map(([count, name]) => `${count} ${name}`).join(", "))];
    return [
      odd(
        WHAT,
        "none: a ledger that was put back or written anew would not be noticed",
        `Name some in ${file}: docs/reference/anchors.md`,
      ),
    ];
  } catch (error) {
    if (error instanceof DomainError) return [wrong(WHAT, error.message, error.hint ?? "")];
    throw error;
  }
}

interface Event {
  readonly time: string;
}

/** Clocks may differ by so much, ms. */
const SKEW_MS = 60_000;

/** The ledger's times come from clocks: one that is behind its own newest event was set back. */
export async function examineClock(client: Client, now: number): Promise<Examined[]> {
  const query = { order: "desc", limit: "1" };
  const [newest] = (await client.get<Page<Event>>("/v1/audit/events", query)).items;
  if (newest === undefined) return [];
  const ahead = Date.parse(newest.time) - now;
  if (ahead <= SKEW_MS) return [fine("clock", `not behind the ledger's newest event`)];
  return [
    wrong(
      "clock",
      `the newest event is ${Math.round(ahead / 1000)} s in the future`,
      "Set the clock by a time service: windows, expiry and reports go by it",
    ),
  ];
}
