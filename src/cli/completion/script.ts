import type { Command, OptionSpec } from "../command.ts";
import { COMMANDS } from "../registry.ts";
import { optionsOf } from "../shared-options.ts";

type Shell = "bash" | "zsh" | "fish";

/** What can follow a command, in words. */
interface Completed {
  readonly name: string;
  readonly summary: string;
  /** Subcommands and the choices of the first operand. */
  readonly words: readonly string[];
  readonly options: readonly OptionSpec[];
}

/** The script that teaches a shell the commands, their subcommands and flags. */
export async function completionScript(shell: Shell): Promise<string> {
  const commands = await Promise.all(
    COMMANDS.map(async ({ name, summary, load }) =>
      completed(name, summary, (await load()).command),
    ),
  );
  switch (shell) {
    case "bash":
      return bash(commands);
    case "zsh":
      return `autoload -U +X bashcompinit && bashcompinit\n${bash(commands)}`;
    case "fish":
      return fish(commands);
  }
}

function completed(name: string, summary: string, command: Command): Completed {
  const subcommands = command.subcommands ?? [];
  return {
    name,
    summary,
    words: [...subcommands.map((sub) => sub.name), ...(command.arguments?.[0]?.choices ?? [])],
    options: [command, ...subcommands].flatMap(optionsOf),
  };
}

const longFlag = ({ flags }: OptionSpec): string => /--[\w-]+/.exec(flags)![0];

const flagsOf = (command: Completed): string[] => [
  ...new Set([...command.options.map(longFlag), "--help"]),
];

/** Files are offered where no word fits: databases, directories, checkpoints. */
function bash(commands: readonly Completed[]): string {
  const cases = commands.map(
    (command) =>
      `    ${command.name}) words="${[...command.words, ...flagsOf(command)].join(" ")}" ;;`,
  );
  return `_schemaledger() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${[...commands.map(({ name }) => name), "--help", "--version"].join(" ")}"
  else
    case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _schemaledger schemaledger
`;
}

function fish(commands: readonly Completed[]): string {
  const lines = commands.flatMap((command) => {
    const here = `-n "__fish_seen_subcommand_from ${command.name}"`;
    return [
      `complete -c schemaledger -n __fish_use_subcommand -f -a ${command.name} -d ${quoted(command.summary)}`,
      ...command.words.map((word) => `complete -c schemaledger ${here} -a ${word}`),
      ...command.options.map(
        (option) =>
          `complete -c schemaledger ${here} -l ${longFlag(option).slice(2)} -d ${quoted(option.description)}`,
      ),
    ];
  });
  return `${[...new Set(lines)].join("\n")}\n`;
}

const quoted = (text: string): string => `'${text.replaceAll("'", "\\'")}'`;
