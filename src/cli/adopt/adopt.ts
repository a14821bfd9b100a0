import { existsSync } from "node:fs";
import { DomainError, InvalidInput, NotFound } from "../../domain/shared/errors.ts";
import { withoutAbsent } from "../../domain/shared/without-absent.ts";
import { inputOf, type MigrationSet } from "../../domain/migration/migration-source.ts";
import { realPath, wantedDatabase } from "../../library/database-name.ts";
import { databaseOf } from "../../library/migrate.ts";
import type { Client } from "../client/client.ts";
import { HttpDesk } from "../client/http-desk.ts";
import type { Call } from "../command.ts";
import type { AdoptOptions } from "../commands/adopt.ts";
import { folderOptions } from "../migrate/folder-options.ts";
import { databasePath } from "../resources.ts";
import type { Body } from "./preview-file.ts";
import type { AdoptionDocument } from "./print-adoption.ts";

/** Takes another tool's history over, or shows what that would be. */
export async function adopt(call: Call<AdoptOptions>): Promise<AdoptionDocument> {
  const { options, args } = call;
  const wanted = wantedDatabase(args[0]!);
  if ("path" in wanted && options.server === undefined)
    requireFile(args[0]!, realPath(wanted.path));
  const folder = await folderOf(options);
  const body = withoutAbsent({
    tool: options.tool,
    table: options.table,
    migrations: folder?.migrations.map((migration) => ({
      ...inputOf(migration),
      files: migration.files,
      origin: migration.origin,
    })),
    decisions: decisionsOf(options),
    confirmUnlocked: options.confirmUnlocked,
    reason: options.reason,
    dryRun: options.dryRun,
  });
  const unmatchedFiles = folder?.unmatched ?? [];
  const client = await connected(call);
  if (client === undefined) return { ...(await unregistered(call, body)), unmatchedFiles };
  const name = await nameOf(call, client);
  if (name === undefined) return { ...(await unregistered(call, body)), unmatchedFiles };
  return { ...(await answerOf(client, databasePath(name, "adoptions"), body)), unmatchedFiles };
}

/** What is open is shown with all rows, as a dry run shows it. */
async function answerOf(client: Client, path: string, body: Body): Promise<AdoptionDocument> {
  try {
    return await client.post<AdoptionDocument>(path, body);
  } catch (error) {
    if (!(error instanceof DomainError) || error.code !== "adoption-undecided") throw error;
    const seen = await client.post<AdoptionDocument>(path, { ...body, dryRun: true });
    return { ...seen, dryRun: false };
  }
}

async function folderOf(options: AdoptOptions): Promise<MigrationSet | undefined> {
  if (options.dir === undefined) return undefined;
  const { FolderMigrationSource } =
    await import("../../infra/migration-files/folder-migration-source.ts");
  return new FolderMigrationSource(options.dir, folderOptions(options)).read();
}

function decisionsOf({ applied, notApplied }: AdoptOptions): object[] | undefined {
  const of = (versions: string | undefined, as: string): object[] =>
    (versions ?? "")
      .split(",")
      .filter((version) => version.trim() !== "")
      .map((version) => ({ version: version.trim(), as }));
  const decisions = [...of(applied, "applied"), ...of(notApplied, "not-applied")];
  return decisions.length === 0 ? undefined : decisions;
}

/** Undefined: a dry run, and there is no ledger yet. */
async function connected(call: Call<AdoptOptions>): Promise<Client | undefined> {
  if (call.options.dryRun !== true) return call.connect("write");
  try {
    return await call.connect("read");
  } catch (error) {
    if (error instanceof NotFound && error.code === "data-directory-missing") return undefined;
    throw error;
  }
}

/** Registers the file where that is needed. Undefined: a dry run of one that is not registered. */
async function nameOf(call: Call<AdoptOptions>, client: Client): Promise<string | undefined> {
  const desk = new HttpDesk(client);
  const [database] = call.args;
  const wanted = wantedDatabase(database!);
  const path = "path" in wanted ? realPath(wanted.path) : undefined;
  if (path !== undefined) {
    const known = (await desk.databases()).find(
      ({ url, status }) => url === path && status !== "retired",
    );
    if (known !== undefined) return known.name;
    if (call.options.dryRun === true) return undefined;
  }
  const found = await databaseOf(desk, { database: database!, hear: () => {} });
  return found.name;
}

/** Registering makes a file where none is; there is nothing to adopt in that. */
function requireFile(given: string, path: string): void {
  if (existsSync(path)) return;
  throw new NotFound("database-missing", `There is no file ${given}`, {
    hint: "Name the database that the other tool has migrated",
  });
}

/** Reads a database that no ledger knows, in a process of its own. */
async function unregistered(call: Call<AdoptOptions>, body: Body): Promise<AdoptionDocument> {
  const wanted = wantedDatabase(call.args[0]!);
  if (!("path" in wanted) || call.options.server !== undefined)
    throw new InvalidInput("database-not-registered", `${call.args[0]} is not registered`, {
      hint: "A dry run reads registered databases, and files on this machine",
    });
  const path = realPath(wanted.path);
  const { previewFile } = await import("./preview-file.ts");
  return previewFile(path, body);
}
