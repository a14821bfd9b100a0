import { delimiter } from "node:path";
import { Argument, Command as Parser, CommanderError, Option, type OptionValues } from "commander";
import { TOOL_VERSION } from "../api/version.ts";
import { callOf, type Closing } from "./call.ts";
import type { ArgumentSpec, Command, OptionSpec } from "./command.ts";
import { reportError, reportUsage } from "./errors.ts";
import { EXIT } from "./exit-codes.ts";
import { Output } from "./output.ts";
import { COMMANDS } from "./registry.ts";
import { optionsOf, type SharedOptions } from "./shared-options.ts";

/** Parses the arguments and runs the command. Resolves to the exit code; never rejects. */
export async function run(argv: readonly string[]): Promise<number> {
  const wanted = withoutHelpCommand(argv.slice(2));
  const json = wanted.includes("--json");
  const result: { code: number } = { code: EXIT.done };
  const program = await parser(wanted[0], result, json);
  try {
    await program.parseAsync([...wanted], { from: "user" });
    return result.code;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.done;
      return json ? reportUsage(error, new Output(true)) : EXIT.usage;
    }
    return reportError(error, new Output(json));
  }
}

const FIRST_STEPS = `
The first steps:
  schemaledger migrate app.db ./migrations --dry-run   shows what would be done
  schemaledger migrate app.db ./migrations             does it: backup, rehearsal, steps
  schemaledger status                                  shows what there is then
  schemaledger migrate --help                          explains a command`;

/** `help migrate` is `migrate --help`. */
const withoutHelpCommand = (args: readonly string[]): readonly string[] =>
  args[0] === "help" ? [...args.slice(1), "--help"] : args;

/** Of all commands only the called one is loaded: the others are names in the help. */
async function parser(
  wanted: string | undefined,
  result: { code: number },
  json: boolean,
): Promise<Parser> {
  const program = new Parser("schemaledger")
    .description(
      "Migrates SQLite and PostgreSQL databases so that nothing can be lost, and proves it",
    )
    .version(TOOL_VERSION)
    .exitOverride()
    .helpCommand(false)
    .addHelpText("after", FIRST_STEPS)
    .showHelpAfterError("(--help tells more)")
    .configureHelp({ helpWidth: 100 })
    .enablePositionalOptions()
    // What is wrong is in the document then.
    .configureOutput(json ? { writeErr: () => {} } : {});
  for (const entry of COMMANDS) {
    const child = program.command(entry.name).description(entry.summary).helpGroup(entry.group);
    if (entry.name === wanted) addCommand(child, (await entry.load()).command, entry.name, result);
  }
  return program;
}

/** Also for the completion scripts and the documentation. */
export function addCommand(
  parser: Parser,
  command: Command,
  path: string,
  result: { code: number },
): void {
  for (const argument of command.arguments ?? []) parser.addArgument(argumentOf(argument));
  for (const option of optionsOf(command)) parser.addOption(optionOf(option));
  parser.addHelpText("after", helpBelow(command));
  parser.showHelpAfterError(
    `Usage: schemaledger ${path} ${parser.usage()}\n(schemaledger ${path} --help tells more)`,
  );
  for (const sub of command.subcommands ?? [])
    addCommand(
      parser.command(sub.name).description(sub.summary),
      sub,
      `${path} ${sub.name}`,
      result,
    );
  if (command.subcommands !== undefined) return;
  parser.action(async (...given: unknown[]) => {
    const options = fromEnvironment(parser, given.at(-2) as OptionValues);
    const args = given
      .slice(0, -2)
      .flat()
      .filter((arg) => arg !== undefined) as string[];
    result.code = await runCommand(command, args, options, (name) =>
      parser.getOptionValueSource(name),
    );
  });
}

/** URLs have colons in them: they are separated by spaces. */
const URLS = /^\s*https?:\/\//;

/** What the environment says as text: a list is separated as in PATH, a switch is on or off. */
function fromEnvironment(parser: Parser, options: OptionValues): OptionValues {
  const said = parser.options
    .filter((option) => parser.getOptionValueSource(option.attributeName()) === "env")
    .flatMap((option): [string, unknown][] => {
      const name = option.attributeName();
      if (option.variadic) return [[name, listOf(options[name] as string | string[])]];
      if (option.isBoolean()) return [[name, isOn(option, parser)]];
      return [];
    });
  return { ...options, ...Object.fromEntries(said) };
}

const listOf = (texts: string | string[]): string[] =>
  [texts].flat().flatMap((text) => text.split(URLS.test(text) ? /\s+/ : delimiter));

/** That it is set is not enough: `SCHEMALEDGER_ALLOW_CODE=false` must not allow it. */
function isOn(option: Option, parser: Parser): boolean {
  const variable = option.envVar ?? "";
  const value = (process.env[variable] ?? "").trim().toLowerCase();
  if (["true", "1", "yes", "on"].includes(value)) return true;
  if (["false", "0", "no", "off", ""].includes(value)) return false;
  return parser.error(`error: ${variable} must be true or false`);
}

async function runCommand(
  command: Command,
  args: readonly string[],
  options: SharedOptions,
  sourceOf: (option: string) => string | undefined,
): Promise<number> {
  const closing: Closing = { steps: [] };
  const out = new Output(options.json ?? false, command.format ?? undefined);
  try {
    return (await command.run(callOf(args, options, sourceOf, out, closing))) ?? EXIT.done;
  } finally {
    for (const close of closing.steps.toReversed()) await close();
  }
}

function argumentOf({ name, description, choices }: ArgumentSpec): Argument {
  const argument = new Argument(name, description);
  return choices === undefined ? argument : argument.choices([...choices]);
}

function optionOf(spec: OptionSpec): Option {
  const option = new Option(spec.flags, spec.description);
  if (spec.env !== undefined) option.env(spec.env);
  if (spec.default !== undefined) option.default(spec.default);
  if (spec.choices !== undefined) option.choices([...spec.choices]);
  return option.makeOptionMandatory(spec.required ?? false);
}

function helpBelow({ details, examples }: Command): string {
  const lines = examples.map((example) => `  ${example}`);
  const shown = lines.length === 0 ? "" : `\nExamples:\n${lines.join("\n")}`;
  return `${details === undefined ? "" : `\n${details}`}${shown}`;
}
