import { delimiter } from "node:path";
import { Command, CommanderError, Option } from "commander";
import { TOOL_VERSION } from "../api/version.ts";

const USAGE = 2;

/** Parses the arguments and runs the command. Resolves to the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  const program = new Command("schemaledger")
    .description("Migrates SQLite databases so that nothing can be lost, and proves it")
    .version(TOOL_VERSION)
    .exitOverride()
    .showHelpAfterError("(--help tells more)");
  addServe(program);
  addDemo(program);
  try {
    await program.parseAsync(argv);
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
    throw error;
  }
}

function addServe(program: Command): void {
  program
    .command("serve")
    .description("Start the service")
    .addOption(option("--data <dir>", "data directory", "SCHEMALEDGER_DATA", "schemaledger-data"))
    .addOption(option("--host <host>", "address to listen on", "SCHEMALEDGER_HOST", "127.0.0.1"))
    .addOption(option("--port <n>", "port; 0 picks a free one", "SCHEMALEDGER_PORT", "7447"))
    .addOption(
      new Option(
        "--root <dir...>",
        "directory under which databases may lie; repeatable (default: the working directory)",
      ).env("SCHEMALEDGER_ROOT"),
    )
    .action(async ({ root, ...options }: ServeFlags, command: Command) => {
      const { serve } = await import("./commands/serve.ts");
      // The environment gives one text; directories in it are separated as in PATH.
      const isText = command.getOptionValueSource("root") === "env";
      const roots = isText ? root?.flatMap((text) => text.split(delimiter)) : root;
      await serve({ ...options, roots: roots ?? [process.cwd()] });
    });
}

function addDemo(program: Command): void {
  program
    .command("demo")
    .description("Play the story of a lost table against a real service in a temporary directory")
    .option("--keep", "leave the service running at the end until Ctrl-C")
    .action(async (options: { readonly keep?: boolean }) => {
      const { demo } = await import("./demo/demo.ts");
      await demo({ keep: options.keep ?? false });
    });
}

export interface ServeOptions {
  readonly data: string;
  readonly host: string;
  readonly port: string;
  readonly roots: readonly string[];
}

/** As commander hands them over: the variable of a repeatable flag becomes a list of one text. */
type ServeFlags = Omit<ServeOptions, "roots"> & { readonly root?: readonly string[] };

const option = (flags: string, description: string, env: string, fallback: string): Option =>
  new Option(flags, description).env(env).default(fallback);
