import { join } from "node:path";
import { loseRows } from "./ordinary-way.ts";
import type { Printer } from "./printer.ts";
import type { Answer, RestClient } from "./rest-client.ts";
import {
  ADD_COLUMN,
  CARELESS_REBUILD,
  CAREFUL_REBUILD,
  COMPLETIONS,
  FOUNDATION,
  HALF_WAY,
  type StoryMigration,
} from "./story.ts";
import { printTimeline } from "./timeline.ts";

const DB = "/v1/databases/metrics";

/** The whole story, through REST. Throws if the service does anything but what is told. */
export async function playStory(
  client: RestClient,
  directory: string,
  print: Printer,
): Promise<void> {
  await begin(client, directory, print);
  await addColumn(client, print);
  await careless(client, directory, print);
  await careful(client, print);
  await halfWay(client, print);
  await rollBack(client, print);
  await restore(client, print);
  await printTimeline(client, print);
}

async function begin(client: RestClient, directory: string, print: Printer): Promise<void> {
  print.title("Versions 1 to 3: a metrics application and its completion_requests");
  const url = join(directory, "metrics.db");
  await client.post("/v1/databases", { name: "metrics", engine: "sqlite", url, create: true });
  await register(client, ...FOUNDATION);
  const run = await migrate(client, { reason: "First release" });
  expect(run, "succeeded");
  print.good(`${steps(run)}: backup verified, rehearsed on the restored copy, then applied`);
  print.good(`${COMPLETIONS} completion requests with ${2 * COMPLETIONS} measurements are in`);
}

async function addColumn(client: RestClient, print: Printer): Promise<void> {
  print.title("Version 4: one more column");
  await register(client, ADD_COLUMN);
  expect(
    await migrate(client, { reason: "Tell browsers from scripts", ticket: "METRICS-4" }),
    "succeeded",
  );
  print.good("applied; its backup was taken and verified first, as before every run");
}

async function careless(client: RestClient, directory: string, print: Printer): Promise<void> {
  print.title("Version 5: the table rebuild that once lost everything");
  const lost = await loseRows(directory, [...FOUNDATION, ADD_COLUMN], CARELESS_REBUILD);
  print.bad(
    `the ordinary way, on a throw-away copy: measurements ${lost.before} → ${lost.after}, ` +
      `"foreign_key_check" says ${lost.foreignKeys}, "integrity_check" says ${lost.integrity}`,
  );
  await register(client, CARELESS_REBUILD);
  const run = await migrate(client, { reason: "Token counts cannot be negative" });
  expect(run, "failed");
  const error = run["error"] as { readonly code: string; readonly message: string };
  print.good(`here: ${error.code}. ${error.message}`);
  print.good(`the run ended ${String(run["outcome"])}: the database was never changed`);
}

async function careful(client: RestClient, print: Printer): Promise<void> {
  const reason = "It deletes measurements through a trigger";
  await client.post(`${DB}/migrations/5/withdrawals`, { reason });
  await register(client, CAREFUL_REBUILD);
  expect(await migrate(client, { reason: "The same, without the needless DELETE" }), "succeeded");
  print.good("withdrawn, written with care, applied: no row was lost");
}

async function halfWay(client: RestClient, print: Printer): Promise<void> {
  print.title("Version 6: fails half-way, after a rehearsal was waived");
  await register(client, HALF_WAY);
  const run = await migrate(client, { reason: "In a hurry", rehearse: false });
  expect(run, "failed");
  const [step] = run["steps"] as {
    readonly error: { readonly message: string; readonly statement?: number };
  }[];
  print.bad(`statement ${step?.error.statement ?? "?"}: ${step?.error.message ?? ""}`);
  const check = await integrity(client);
  print.good(`rolled back by itself (${String(run["outcome"])}); full integrity check ${check}`);
}

async function rollBack(client: RestClient, print: Printer): Promise<void> {
  print.title("Roll back to version 3");
  const answer = await client.post(`${DB}/rollbacks`, {
    to: "3",
    reason: "The release is called off",
  });
  const run = await ended(client, answer);
  expect(run, "succeeded");
  const database = await client.get(DB);
  const restored = (run["restoreIds"] as unknown[]).length > 0;
  print.good(
    `version ${String(database["version"])} again, by ${restored ? "restoring the backup taken before version 4" : "the down scripts"}: ` +
      (restored ? "a step has no down script" : "the rehearsal showed them exact"),
  );
}

async function restore(client: RestClient, print: Printer): Promise<void> {
  print.title("And a restore: back to the state just before the roll back");
  const { items } = (await client.get(`${DB}/backups`)) as { items: Answer[] };
  const safety = items.find(({ purpose, status }) => purpose === "safety" && status === "verified");
  const backup = safety ?? items.find(({ status }) => status === "verified");
  const answer = await client.post(`${DB}/restores`, {
    backupId: String(backup?.["id"]),
    reason: "The release is on again",
  });
  const done = await client.until(`/v1/restores/${String(answer["id"])}`, ({ status }) =>
    ["succeeded", "failed"].includes(String(status)),
  );
  if (done["status"] !== "succeeded") throw new Error(`The restore ${String(done["status"])}`);
  const database = await client.get(DB);
  print.good(
    `version ${String(database["version"])} is back, and what it replaced is in a safety backup`,
  );
}

async function integrity(client: RestClient): Promise<string> {
  const { id } = await client.post(`${DB}/integrity-checks`, { level: "full" });
  const check = await client.until(
    `/v1/integrity-checks/${String(id)}`,
    ({ status }) => status !== "running",
  );
  return String(check["status"]);
}

async function register(client: RestClient, ...migrations: StoryMigration[]): Promise<void> {
  await client.post(`${DB}/migrations`, { migrations });
}

async function migrate(client: RestClient, body: object): Promise<Answer> {
  return ended(client, await client.post(`${DB}/runs`, body));
}

const ended = (client: RestClient, run: Answer): Promise<Answer> =>
  client.get(`/v1/runs/${String(run["id"])}?wait=60`);

function expect(run: Answer, status: string): void {
  if (run["status"] === status) return;
  throw new Error(`The run ended ${String(run["status"])}: ${JSON.stringify(run["error"])}`);
}

const steps = (run: Answer): string => `${(run["steps"] as unknown[]).length} steps`;
