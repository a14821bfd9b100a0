import type { Call } from "./command.ts";
import { EXIT } from "./exit-codes.ts";
import { Progress } from "./progress.ts";
import { databaseName, databasePath, hasEnded, untilOver, type Operation } from "./resources.ts";
import type { SharedOptions } from "./shared-options.ts";

export interface AssuranceOptions extends SharedOptions {
  readonly reason?: string;
}

/** Carries a scrub or a drill out, and looks at it until it has ended. */
export async function carryOut<T extends Operation>(
  call: Call<AssuranceOptions>,
  kind: "scrub" | "drill",
): Promise<{ readonly database: string; readonly ended: T }> {
  const { reason } = call.options;
  const client = await call.connect("write");
  const database = await databaseName(client, call.args[0]!);
  const asked = reason === undefined ? {} : { reason };
  const { id } = await client.post<T>(databasePath(database, `${kind}s`), asked);
  const progress = new Progress(call.out);
  progress.now({ phase: kind === "drill" ? "restore" : "verify" });
  const ended = await untilOver<T>(client, `/v1/${kind}s/${id}`, hasEnded, call.signal).finally(
    () => progress.end(),
  );
  return { database, ended };
}

/** An aborted one says nothing of the backups. */
export const exitCodeOfAssurance = (status: string): number =>
  status === "passed" ? EXIT.done : status === "failed" ? EXIT.integrity : EXIT.failed;
