import { setTimeout as sleep } from "node:timers/promises";
import { DomainError, NotFound } from "../domain/shared/errors.ts";
import type { Failure } from "../domain/shared/errors.ts";
import { placeOf, wantedDatabase } from "../library/database-name.ts";
import type { RunView } from "../library/desk.ts";
import { succeeded } from "../library/migrate.ts";
import type { Client } from "./client/client.ts";
import { HttpDesk } from "./client/http-desk.ts";
import type { Call } from "./command.ts";
import { Progress } from "./progress.ts";

/** A page of a list, as the API gives it. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/** The registered name of a database that is given by its name or by the path of its file. */
export async function databaseName(client: Client, text: string): Promise<string> {
  const wanted = wantedDatabase(text);
  if ("name" in wanted) return wanted.name;
  const { place } = placeOf(wanted);
  const { items } =
    await client.get<Page<{ name: string; url: string; status: string }>>("/v1/databases");
  const found = items.find(({ url, status }) => url === place && status !== "retired");
  if (found !== undefined) return found.name;
  // A url may hold a password.
  const shown = "url" in wanted ? place : text;
  throw new NotFound("database-not-found", `${shown} is not registered at ${client.place}`, {
    hint: `schemaledger migrate ${shown} DIR registers it; schemaledger status lists the databases`,
  });
}

/** The path of a database's resources in the API. */
export const databasePath = (name: string, rest = ""): string =>
  `/v1/databases/${encodeURIComponent(name)}${rest === "" ? "" : `/${rest}`}`;

/** A started operation: a backup, a restore, a check. */
export interface Operation {
  readonly id: string;
  readonly status: string;
  readonly error?: Failure | null;
}

const RUNNING = new Set(["queued", "running"]);
/** No operation runs or waits for its turn any more. */
export const hasEnded = ({ status }: Operation): boolean => !RUNNING.has(status);

const [FIRST_LOOK_MS, LONGEST_LOOK_MS] = [20, 1000];

/**
 * Looks at an operation until it is over. Ctrl-C ends the looking: a service goes on with it, this
 * process gives it a moment to end, then stops it, and the next command records what became of it.
 */
export async function untilOver<T extends Operation>(
  client: Client,
  path: string,
  isOver: (operation: T) => boolean = hasEnded,
  signal?: AbortSignal,
): Promise<T> {
  for (let pause = FIRST_LOOK_MS; ; pause = Math.min(pause * 2, LONGEST_LOOK_MS)) {
    const operation = await client.get<T>(path);
    if (isOver(operation)) return operation;
    signal?.throwIfAborted();
    await sleep(pause);
  }
}

/** Throws the error of an operation that failed. */
export function requireDone<T extends Operation>(operation: T, what: string, safe: string): T {
  if (operation.status !== "failed") return operation;
  const { code, message, hint } = operation.error ?? {
    code: "operation-failed",
    message: `${what} failed`,
    hint: undefined,
  };
  throw new DomainError(code, message, { hint, details: { safe, operation } });
}

/** Follows a run to its end, with its progress; Ctrl-C cancels it. Throws if it fails. */
export async function followRun(call: Call<object>, client: Client, id: string): Promise<RunView> {
  const desk = new HttpDesk(client);
  const progress = new Progress(call.out);
  const cancel = (): void => {
    desk.cancel(id, "Cancelled by whoever started it").catch(() => {
      // It has ended already, or cannot be cancelled any more: its end says how.
    });
  };
  call.signal.addEventListener("abort", cancel, { once: true });
  try {
    return succeeded(await desk.follow(id, (signal) => progress.run(signal)));
  } finally {
    progress.end();
    call.signal.removeEventListener("abort", cancel);
  }
}

/** The text of a stream that is known to be short. */
export async function whole(pieces: AsyncIterable<string>): Promise<string> {
  let text = "";
  for await (const piece of pieces) text += piece;
  return text;
}
