import type { Command } from "./command.ts";

/** A line of the program's help. The command's own file is loaded when it is called. */
export interface Entry {
  readonly name: string;
  readonly summary: string;
  readonly group: Group;
  readonly load: () => Promise<{ readonly command: Command }>;
}

export type Group = "Migrate" | "Backups" | "History" | "Service";

const entry = (group: Group, name: string, summary: string, load: Entry["load"]): Entry => ({
  name,
  summary,
  group,
  load,
});

/** Every command, in the order of the help. One line and one file in `commands/` each. */
export const COMMANDS: readonly Entry[] = [
  entry(
    "Migrate",
    "migrate",
    "Bring a database to the newest version",
    () => import("./commands/migrate.ts"),
  ),
  entry("Service", "serve", "Start the service", () => import("./commands/serve.ts")),
  entry(
    "Service",
    "demo",
    "Play the story of a lost table against a real service",
    () => import("./commands/demo.ts"),
  ),
  entry(
    "Service",
    "completion",
    "Print the completion script of a shell",
    () => import("./commands/completion.ts"),
  ),
];
