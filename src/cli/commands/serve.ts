import { defineCommand } from "../command.ts";

interface ServeFlags {
  readonly data: string;
  readonly host: string;
  readonly port: string;
  readonly root?: readonly string[];
}

export const command = defineCommand<ServeFlags>({
  options: [
    {
      flags: "--data <dir>",
      description: "data directory",
      env: "SCHEMALEDGER_DATA",
      default: "schemaledger-data",
    },
    {
      flags: "--host <host>",
      description: "address to listen on",
      env: "SCHEMALEDGER_HOST",
      default: "127.0.0.1",
    },
    {
      flags: "--port <n>",
      description: "port; 0 picks a free one",
      env: "SCHEMALEDGER_PORT",
      default: "7447",
    },
    {
      flags: "--root <dir...>",
      description:
        "directory under which databases may lie; repeatable (default: the working directory)",
      env: "SCHEMALEDGER_ROOT",
    },
  ],
  format: null,
  examples: ["schemaledger serve --data /var/lib/schemaledger --root /srv/databases"],
  run: async ({ options }) => {
    const { serve } = await import("../serve.ts");
    await serve({ ...options, roots: options.root ?? [process.cwd()] });
  },
});
