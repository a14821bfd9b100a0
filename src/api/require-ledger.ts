import { existsSync } from "node:fs";
import { Conflict, NotFound } from "../domain/shared/errors.ts";
import { ledgerFile, type CoreConfig } from "./config.ts";
import { ledgerUrlFile } from "./ledger-place.ts";

/** The ledger's file. Errors: NotFound data-directory-missing · Conflict ledger-elsewhere. */
export function requireLedger(config: Pick<CoreConfig, "data">): string {
  const file = ledgerFile(config);
  const url = ledgerUrlFile(config.data);
  if (existsSync(url))
    throw new Conflict("ledger-elsewhere", `The ledger of ${config.data} is not a file in it`, {
      hint: "A second service with the same keys stands by, and answers what is asked: docs/guides/postgres-ledger.md",
    });
  if (existsSync(file)) return file;
  throw new NotFound("data-directory-missing", `There is no ledger in ${config.data}`, {
    hint: "Name the data directory with --data; schemaledger serve makes one",
  });
}
