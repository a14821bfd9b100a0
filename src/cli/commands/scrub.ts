import type { Failure } from "../../domain/shared/errors.ts";
import { carryOut, exitCodeOfAssurance, type AssuranceOptions } from "../assurances.ts";
import { defineCommand } from "../command.ts";
import { plain, tone } from "../output.ts";
import type { Operation } from "../resources.ts";
import { durationText, sizeText } from "../sizes.ts";

interface Scrub extends Operation {
  readonly verified: readonly string[];
  readonly damaged: readonly string[];
  readonly unread: readonly { readonly backupId: string; readonly error: Failure }[];
  readonly bytes: number | null;
  readonly durationMs: number | null;
}

export const command = defineCommand<AssuranceOptions>({
  arguments: [{ name: "<database>", description: "a registered name, or the file" }],
  options: [{ flags: "--reason <text>", description: "why, for the record" }],
  ledger: true,
  format: "scrub/1",
  members: {
    database: "its registered name",
    scrub: "the scrub as `GET /v1/scrubs/{scrub}` gives it",
  },
  examples: ["schemaledger scrub shop"],
  details: "Exit code 5 if a backup is damaged: it is never chosen again then.\n",
  run: async (call) => {
    const { database, ended: scrub } = await carryOut<Scrub>(call, "scrub");
    call.out.result({ database, scrub }, () => {
      const word = tone(scrub.status === "passed" ? "good" : "bad", `${scrub.status}:`);
      const compared = `${sizeText(scrub.bytes ?? 0)} compared in ${durationText(scrub.durationMs ?? 0)}`;
      call.out.line(
        `${word} ${scrub.verified.length} backups of ${database} are whole, ${compared}`,
      );
      for (const id of scrub.damaged) call.out.line(`damaged: ${id}`);
      for (const { backupId, error } of scrub.unread)
        call.out.line(`not read: ${backupId}: ${plain(error.message)} (${error.code})`);
    });
    return exitCodeOfAssurance(scrub.status);
  },
});
