import type { StepScript } from "../engine/database-engine.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { DomainError } from "../shared/errors.ts";
import type { DatabaseState } from "../state/state.ts";
import type { StepRef } from "./events.ts";

/** What is run for one version in one direction, with its texts from the ledger. */
export async function scriptOf(
  database: DatabaseState,
  ledger: Ledger,
  { version, direction }: Pick<StepRef, "version" | "direction">,
): Promise<StepScript> {
  const migration = database.migrations.get(version)!;
  const { name, transaction, allow } = migration;
  const checksum = migration.checksum ?? "";
  const text = direction === "up" ? migration.up : migration.down;
  const sql = await contentOf(ledger, text, version);
  const script = {
    version,
    name,
    direction,
    checksum,
    sql,
    transaction,
    allow,
    ...(migration.language === undefined ? {} : { language: migration.language }),
    ...(migration.functions === undefined
      ? {}
      : { functions: await contentOf(ledger, migration.functions, version) }),
  };
  if (migration.verify === undefined || direction === "down") return script;
  return { ...script, verify: await contentOf(ledger, migration.verify, version) };
}

async function contentOf(
  ledger: Ledger,
  digest: string | null | undefined,
  version: string,
): Promise<string> {
  const text = digest == null ? undefined : await ledger.content(digest);
  if (text !== undefined) return text;
  throw new DomainError("script-missing", `Version ${version} has no script for this direction`);
}
