import { TOOL_NAMES } from "../../domain/adoption/tools/tools.ts";
import { defineCommand } from "../command.ts";
import { printAdoption, type AdoptionDocument } from "../adopt/print-adoption.ts";
import { EXIT } from "../exit-codes.ts";
import { FOLDER_OPTIONS, type FolderFlags } from "../migrate/folder-options.ts";
import type { SharedOptions } from "../shared-options.ts";

/** Flags of the command. */
export interface AdoptOptions extends FolderFlags, SharedOptions {
  readonly tool?: string;
  readonly table?: string;
  readonly dir?: string;
  readonly applied?: string;
  readonly notApplied?: string;
  readonly confirmUnlocked?: boolean;
  readonly reason?: string;
  readonly dryRun?: boolean;
}

export const command = defineCommand<AdoptOptions>({
  arguments: [{ name: "<database>", description: "a database file, or a registered name" }],
  options: [
    {
      flags: "--tool <tool>",
      description: "whose history it is (default: what the tables show)",
      choices: ["auto", ...TOOL_NAMES],
    },
    { flags: "--table <name>", description: "the tool's table, where it is called otherwise" },
    { flags: "--dir <dir>", description: "the folder with the tool's migration files" },
    ...FOLDER_OPTIONS,
    {
      flags: "--applied <versions>",
      description: "versions that the history leaves open, and that are applied: 3,4",
    },
    {
      flags: "--not-applied <versions>",
      description: "versions that the history leaves open, and that are not applied",
    },
    { flags: "--confirm-unlocked", description: "the tool's lock is nobody's: no run is active" },
    { flags: "--reason <text>", description: "why, for the record; needed with a decision" },
    { flags: "--dry-run", description: "show what would be recorded and change nothing" },
  ],
  ledger: true,
  format: "adopt/1",
  members: {
    "…": "as `POST /v1/databases/{database}/adoptions` gives it",
    unmatchedFiles: "`{file, reason}` of files that are no migrations",
  },
  examples: [
    "schemaledger adopt shop.db --dir ./migrations --dry-run",
    "schemaledger adopt shop.db --dir ./migrations",
    'schemaledger adopt shop.db --not-applied 20240102000001 --reason "Its table is not there"',
  ],
  details:
    "Reads what Flyway, Liquibase, Prisma, Drizzle, golang-migrate, goose, dbmate and others recorded, and\n" +
    "records it in the ledger: what they claim stays a claim. The database is not written to, the tool's\n" +
    "table stays as it is. What the history leaves open is asked, never guessed: exit code 4 and what to type.\n",
  run: async (call) => {
    const { adopt } = await import("../adopt/adopt.ts");
    const document: AdoptionDocument = await adopt(call);
    call.out.result(document, () => printAdoption(call.out, document));
    return document.outcome === "undecided" ? EXIT.conflict : EXIT.done;
  },
});
