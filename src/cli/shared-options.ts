import type { Command, OptionSpec } from "./command.ts";

/** What the shared options hold after parsing. */
export interface SharedOptions {
  readonly data?: string;
  readonly server?: string;
  /** Seconds. */
  readonly wait?: string;
  readonly json?: boolean;
  readonly yes?: boolean;
}

export const DEFAULT_DATA = "schemaledger-data";

const JSON_OPTION: OptionSpec = {
  flags: "--json",
  description: "print JSON for programs instead of text for people",
};

const YES: OptionSpec = { flags: "-y, --yes", description: "do not ask before acting" };

const LEDGER: readonly OptionSpec[] = [
  {
    flags: "--data <dir>",
    description: `data directory of the ledger (default: ${DEFAULT_DATA})`,
    env: "SCHEMALEDGER_DATA",
  },
  {
    flags: "--server <url>",
    description: "work on a running service instead; its key is in SCHEMALEDGER_TOKEN",
    env: "SCHEMALEDGER_SERVER",
  },
  {
    flags: "--wait <seconds>",
    description: "how long to wait while another process works on the directory (default: 300)",
    env: "SCHEMALEDGER_WAIT",
  },
];

/** The options of a command with those that it shares with others. */
export const optionsOf = (command: Command): readonly OptionSpec[] => [
  ...(command.options ?? []),
  ...(command.confirms === true ? [YES] : []),
  ...(command.ledger === true ? LEDGER : []),
  ...(command.format === null ? [] : [JSON_OPTION]),
];
