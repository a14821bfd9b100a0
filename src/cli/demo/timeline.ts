import type { Printer } from "./printer.ts";
import type { RestClient } from "./rest-client.ts";

interface TimelineEvent {
  readonly index: number;
  readonly type: string;
  readonly time: string;
  readonly actor: { readonly name: string | null; readonly id: string };
  readonly data: { readonly [key: string]: unknown };
}

/** The audit history as a person reads it, and the checkpoint that an outsider would keep. */
export async function printTimeline(client: RestClient, print: Printer): Promise<void> {
  print.title("The audit history: every step, backup, failure and restore, for ever");
  const { items } = (await client.get("/v1/audit/events?limit=1000")) as {
    items: TimelineEvent[];
  };
  for (const event of items) print.say(line(event));
  print.title("Its newest signed checkpoint: who keeps it can prove that nothing was changed");
  const checkpoint = await client.text("/v1/ledger/checkpoint");
  for (const text of checkpoint.trimEnd().split("\n")) print.code(text);
}

function line({ index, type, time, actor, data }: TimelineEvent): string {
  const place = String(index).padStart(3);
  const who = actor.name ?? actor.id.slice(0, 12);
  return `${place}  ${time.slice(11, 23)}  ${type.padEnd(24)} ${who.padEnd(8)} ${summary(data)}`;
}

/** The few members that tell most. */
function summary(data: TimelineEvent["data"]): string {
  const parts: string[] = [];
  for (const key of [
    "version",
    "name",
    "kind",
    "purpose",
    "outcome",
    "status",
    "reason",
    "bytes",
  ]) {
    const value = data[key];
    if (typeof value === "string" || typeof value === "number") parts.push(`${key}=${value}`);
  }
  const error = data["error"] as { readonly code?: string } | undefined;
  if (error?.code !== undefined) parts.push(`error=${error.code}`);
  return parts.join(" ");
}
