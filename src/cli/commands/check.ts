import type { Finding } from "../../domain/migration/events.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { printFindings } from "../findings.ts";
import { tone } from "../output.ts";
import { Progress } from "../progress.ts";
import { databaseName, databasePath, hasEnded, untilOver, type Operation } from "../resources.ts";
import type { SharedOptions } from "../shared-options.ts";
import { durationText } from "../sizes.ts";

interface Check extends Operation {
  readonly findings: readonly Finding[];
  readonly durationMs: number | null;
}

export const command = defineCommand<SharedOptions & { readonly quick?: boolean }>({
  arguments: [{ name: "<database>", description: "a registered name, or the file" }],
  options: [{ flags: "--quick", description: "leave out what reads every index" }],
  ledger: true,
  format: "check/1",
  members: {
    database: "its registered name",
    check: "the check as `GET /v1/integrity-checks/{check}` gives it",
  },
  examples: ["schemaledger check shop", "schemaledger check shop --quick"],
  details: "Exit code 5 if the check finds something.\n",
  run: async (call) => {
    const { args, options, out } = call;
    const client = await call.connect("write");
    const name = await databaseName(client, args[0]!);
    const level = options.quick === true ? "quick" : "full";
    const { id } = await client.post<Check>(databasePath(name, "integrity-checks"), { level });
    const progress = new Progress(out);
    progress.now({ phase: "check" });
    const check = await untilOver<Check>(
      client,
      `/v1/integrity-checks/${id}`,
      hasEnded,
      call.signal,
    ).finally(() => progress.end());
    const passed = check.status === "passed";
    out.result({ database: name, check }, () => {
      const word = tone(passed ? "good" : "bad", `${check.status}:`);
      out.line(`${word} ${level} check of ${name} in ${durationText(check.durationMs ?? 0)}`);
      printFindings(out, check.findings);
    });
    if (passed) return EXIT.done;
    return check.status === "failed" ? EXIT.integrity : EXIT.failed;
  },
});
