import { DomainError } from "../domain/shared/errors.ts";
import type { Call } from "./command.ts";
import { EXIT } from "./exit-codes.ts";
import type { Output } from "./output.ts";
import type { SharedOptions } from "./shared-options.ts";

/** What must be closed after a command, in the order it was opened. */
export interface Closing {
  readonly steps: (() => Promise<void>)[];
}

/** Everything a command works with; what it does not ask for is not loaded. */
export function callOf(
  args: readonly string[],
  options: SharedOptions,
  sourceOf: (option: string) => string | undefined,
  out: Output,
  closing: Closing,
): Call<SharedOptions> {
  let signal: AbortSignal | undefined;
  const interrupted = (): AbortSignal => (signal ??= interruption(closing));
  return {
    args,
    options,
    sourceOf,
    out,
    get signal() {
      return interrupted();
    },
    connect: async (access) => {
      const { connect } = await import("./client/connect.ts");
      const client = await connect(options, access, interrupted());
      closing.steps.push(() => client.close());
      return client;
    },
    confirm: async (question) => {
      if (options.yes === true) return;
      const { confirm } = await import("./confirm.ts");
      await confirm(question);
    },
  };
}

/** The first signal asks the command to end in good order; the second does not wait. */
function interruption(closing: Closing): AbortSignal {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.failed);
    controller.abort(new DomainError("interrupted", "Interrupted by a signal"));
  };
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) process.on(signal, interrupt);
  closing.steps.push(async () => {
    for (const signal of signals) process.off(signal, interrupt);
  });
  return controller.signal;
}
