import { InvalidInput, Refused } from "../shared/errors.ts";
import type { MigrationInput } from "./migration.ts";

/**
 * Code runs with the rights of the service: whoever may register it may do what the service may.
 * Errors: Refused code-not-allowed · InvalidInput code-outside-transaction.
 */
export function refuseCode(input: MigrationInput, allowed: boolean): void {
  const { version, language, functions, transaction } = input;
  if (language === undefined && functions === undefined) return;
  if (!allowed)
    throw new Refused(
      "code-not-allowed",
      `Version ${version} brings code, and this service takes none`,
      {
        hint: "Start it with --allow-code if everybody with the role operator may run code on its machine, or migrate on the data directory itself",
        details: { version },
      },
    );
  if (language !== undefined && transaction === "none")
    throw new InvalidInput(
      "code-outside-transaction",
      `Version ${version} is code, which runs in the step's transaction`,
      { hint: "Leave transaction away; put VACUUM and its like into a migration of their own" },
    );
}
