import { existsSync } from "node:fs";
import type { MigrationSet } from "../../domain/migration/migration-source.ts";
import { InvalidInput, NotFound } from "../../domain/shared/errors.ts";
import { realPath, wantedDatabase } from "../../library/database-name.ts";
import type { DatabaseView, MigrationView } from "../../library/desk.ts";
import { HttpDesk } from "../client/http-desk.ts";
import type { Call } from "../command.ts";
import type { LintOptions } from "../commands/lint.ts";
import type { LintOrder } from "./run-lint.ts";

/** The file to copy, and what it has already, as its ledger or its own tool says. */
export async function databaseToLint(
  call: Call<LintOptions>,
  set: MigrationSet,
): Promise<Pick<LintOrder, "database" | "applied">> {
  const { database, server } = call.options;
  if (database === undefined) return { applied: new Set() };
  if (server !== undefined)
    throw new InvalidInput("lint-needs-file", "lint runs on a copy of a file on this machine", {
      hint: "schemaledger rehearse runs pending migrations on a copy at the service",
    });
  const known = await registered(call, database);
  if (known !== undefined) {
    const applied = known.migrations.filter(({ state }) => state === "applied");
    return { database: known.url, applied: new Set(applied.map(({ version }) => version)) };
  }
  const wanted = wantedDatabase(database);
  const path = "path" in wanted ? realPath(wanted.path) : undefined;
  if (path === undefined || !existsSync(path))
    throw new NotFound("database-missing", `There is no database ${database}`, {
      hint: "Name a file, or a registered database",
    });
  return { database: path, applied: await appliedByOthers(path, set) };
}

async function registered(
  call: Call<LintOptions>,
  text: string,
): Promise<(DatabaseView & { readonly migrations: readonly MigrationView[] }) | undefined> {
  try {
    const desk = new HttpDesk(await call.connect("read"));
    const wanted = wantedDatabase(text);
    const path = "path" in wanted ? realPath(wanted.path) : undefined;
    const found = (await desk.databases()).find((one) =>
      "name" in wanted ? one.name === wanted.name : one.url === path,
    );
    if (found === undefined) return undefined;
    return { ...found, migrations: await desk.migrations(found.name) };
  } catch (error) {
    if (error instanceof NotFound && error.code === "data-directory-missing") return undefined;
    throw error;
  }
}

/** What another tool's history says, if there is one. What it leaves open is not taken for applied. */
async function appliedByOthers(path: string, set: MigrationSet): Promise<ReadonlySet<string>> {
  const { readFile } = await import("../adopt/preview-file.ts");
  try {
    const { adoption } = await readFile(path, { files: set.migrations });
    const rows = adoption.facts.tables.flatMap((table) => table.rows);
    return new Set(rows.flatMap(({ inForce, version }) => (inForce ? version! : [])));
  } catch (error) {
    if (error instanceof NotFound && error.code === "history-not-found") return new Set();
    throw error;
  }
}
