import type { Finding } from "../../domain/migration/events.ts";
import { carryOut, exitCodeOfAssurance, type AssuranceOptions } from "../assurances.ts";
import { defineCommand } from "../command.ts";
import { printFindings } from "../findings.ts";
import { tone } from "../output.ts";
import type { Operation } from "../resources.ts";
import { durationText, sizeText } from "../sizes.ts";

interface Drill extends Operation {
  readonly backupId: string | null;
  readonly findings: readonly Finding[];
  readonly rows: number | null;
  readonly bytes: number | null;
  readonly restoreMs: number | null;
  readonly checkMs: number | null;
}

export const command = defineCommand<AssuranceOptions>({
  arguments: [{ name: "<database>", description: "a registered name, or the file" }],
  options: [{ flags: "--reason <text>", description: "why, for the record" }],
  ledger: true,
  format: "drill/1",
  members: {
    database: "its registered name",
    drill: "the drill as `GET /v1/drills/{drill}` gives it",
  },
  examples: ["schemaledger drill shop", 'schemaledger drill shop --reason "Quarterly"'],
  details: "Exit code 5 if the backup does not give the database back.\n",
  run: async (call) => {
    const { database, ended: drill } = await carryOut<Drill>(call, "drill");
    call.out.result({ database, drill }, () => {
      const word = tone(drill.status === "passed" ? "good" : "bad", `${drill.status}:`);
      const what = drill.backupId === null ? "no backup to restore" : `backup ${drill.backupId}`;
      call.out.line(`${word} drill of ${database}, ${what}`);
      if (drill.backupId !== null)
        call.out.line(
          `${sizeText(drill.bytes ?? 0)} with ${drill.rows ?? 0} rows restored in ${durationText(drill.restoreMs ?? 0)}, checked in ${durationText(drill.checkMs ?? 0)}`,
        );
      printFindings(call.out, drill.findings);
    });
    return exitCodeOfAssurance(drill.status);
  },
});
