import type { Client } from "./client/client.ts";
import type { Output } from "./output.ts";

/** One flag of a command. `flags` is written as in help: `--to <version>`. */
export interface OptionSpec {
  readonly flags: string;
  readonly description: string;
  /** Its twin in the environment; the flag wins. */
  readonly env?: string;
  readonly default?: string | boolean;
  readonly choices?: readonly string[];
  /** The command does not run without it. */
  readonly required?: boolean;
}

/** One operand: `<needed>`, `[optional]` or `[several...]`. */
export interface ArgumentSpec {
  readonly name: string;
  readonly description: string;
  readonly choices?: readonly string[];
}

/** What a command is given to work with. */
export interface Call<Options> {
  /** Operands as given; a repeatable one is the rest of the list. */
  readonly args: readonly string[];
  readonly options: Options;
  /** Where an option's value is from: `cli`, `env`, `default`; undefined if it has none. */
  readonly sourceOf: (option: string) => string | undefined;
  readonly out: Output;
  /** Aborted by Ctrl-C or SIGTERM; the second one ends the process. */
  readonly signal: AbortSignal;
  /**
   * Opens the ledger that the shared options name: the data directory, or the server. It is closed
   * after the command. Of commands with `ledger` only.
   */
  readonly connect: (access: "read" | "write") => Promise<Client>;
  /** Asks on a terminal, obeys `--yes`, and refuses (exit 2) where nobody can be asked. */
  readonly confirm: (question: string) => Promise<void>;
}

/** A command as data: help, completion, documentation and tests read the same. */
export interface CommandOf<Options> {
  readonly arguments?: readonly ArgumentSpec[];
  readonly options?: readonly OptionSpec[];
  /** Works on a ledger: gets `--data` and `--server`. */
  readonly ledger?: boolean;
  /** Asks before it acts: gets `--yes`. */
  readonly confirms?: boolean;
  /** What `--json` prints: one document with `format` set to this, such as `status/1`. */
  readonly format: string | null;
  /** The members of that document, for docs/reference/cli.md; `…` for those of a REST answer. */
  readonly members?: { readonly [name: string]: string };
  readonly examples: readonly string[];
  /** Further help below the options. */
  readonly details?: string;
  readonly subcommands?: readonly Subcommand[];
  /** Resolves to an exit code other than 0 where that is the result. */
  run(call: Call<Options>): Promise<number | void>;
}

export type Command = CommandOf<object>;

/** A command below another: `keys issue`. */
export interface Subcommand extends Command {
  readonly name: string;
  readonly summary: string;
}

/** Declares a command with its options typed. */
export const defineCommand = <Options extends object>(declared: CommandOf<Options>): Command =>
  declared as unknown as Command;

/** Declares a subcommand with its options typed. */
export const defineSubcommand = <Options extends object>(
  declared: CommandOf<Options> & { readonly name: string; readonly summary: string },
): Subcommand => declared as unknown as Subcommand;
