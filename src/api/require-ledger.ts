import { existsSync } from "node:fs";
import { NotFound } from "../domain/shared/errors.ts";
import { ledgerFile, type CoreConfig } from "./config.ts";

/** The ledger's file. Error: NotFound data-directory-missing. */
export function requireLedger(config: Pick<CoreConfig, "data">): string {
  const file = ledgerFile(config);
  if (existsSync(file)) return file;
  throw new NotFound("data-directory-missing", `There is no ledger in ${config.data}`, {
    hint: "Name the data directory with --data; schemaledger serve makes one",
  });
}
