import type { ArgumentSpec, Command, OptionSpec } from "../../src/cli/command.ts";
import { COMMANDS } from "../../src/cli/registry.ts";
import { optionsOf } from "../../src/cli/shared-options.ts";

export const CLI_PAGE = "docs/reference/cli.md";

/** From here on the page is made by `npm run docs`. */
export const GENERATED = "<!-- Below: made by `npm run docs` from the commands themselves. -->";

interface Described {
  readonly name: string;
  readonly summary: string;
  readonly command: Command;
}

/** Every command and subcommand, in the order of the help. */
export async function describedCommands(): Promise<readonly Described[]> {
  const all = await Promise.all(
    COMMANDS.map(async ({ name, summary, load }) => ({
      name,
      summary,
      command: (await load()).command,
    })),
  );
  return all.flatMap(({ name, summary, command }) =>
    command.subcommands === undefined
      ? [{ name, summary, command }]
      : command.subcommands.map((sub) => ({
          name: `${name} ${sub.name}`,
          summary: sub.summary,
          command: sub,
        })),
  );
}

/** The generated part of the page. */
export async function commandSections(): Promise<string> {
  return (await describedCommands()).map(section).join("\n");
}

function section({ name, summary, command }: Described): string {
  const operands = (command.arguments ?? []).map((argument) => ` ${argument.name}`).join("");
  const parts = [
    `### ${name}\n\n${summary}.\n\n\`\`\`\nschemaledger ${name}${operands} [options]\n\`\`\`\n`,
    table("operand", (command.arguments ?? []).map(argumentRow)),
    table(
      "option",
      optionsOf({ ...command, ledger: false, confirms: false, format: null }).map(optionRow),
    ),
    shared(command),
    command.details === undefined ? "" : `${command.details.trim()}\n`,
    json(command),
  ];
  return parts.filter((part) => part !== "").join("\n");
}

const table = (title: string, rows: readonly string[]): string =>
  rows.length === 0 ? "" : `| ${title} | |\n|---|---|\n${rows.join("\n")}\n`;

const argumentRow = ({ name, description, choices }: ArgumentSpec): string =>
  `| \`${name}\` | ${description}${choices === undefined ? "" : `: ${choices.join(", ")}`} |`;

function optionRow({ flags, description, env, choices, required }: OptionSpec): string {
  const more = [
    ...(choices === undefined ? [] : [`one of ${choices.join(", ")}`]),
    ...(env === undefined ? [] : [`environment \`${env}\``]),
    ...(required === true ? ["needed"] : []),
  ];
  return `| \`${flags}\` | ${[description, ...more].join("; ")} |`;
}

function shared(command: Command): string {
  const flags = [
    ...(command.confirms === true ? ["--yes"] : []),
    ...(command.ledger === true ? ["--data", "--server", "--wait"] : []),
    ...(command.format === null ? [] : ["--json"]),
  ];
  const words = flags.map((flag) => `\`${flag}\``).join(", ");
  return flags.length === 0 ? "" : `Shared options: ${words}.\n`;
}

function json({ format, members = {} }: Command): string {
  if (format === null) return "";
  const rows = Object.entries(members).map(([name, what]) => `| ${name} | ${what} |`);
  return `JSON, format \`${format}\`:\n\n| member | |\n|---|---|\n${rows.join("\n")}\n`;
}
