import { defineCommand, defineSubcommand } from "../command.ts";
import { resolve } from "node:path";
import { DEFAULT_DATA } from "../shared-options.ts";

const DATA = {
  flags: "--data <dir>",
  description: `data directory of the ledger (default: ${DEFAULT_DATA})`,
  env: "SCHEMALEDGER_DATA",
} as const;

interface DataFlags {
  readonly data?: string;
}

export const command = defineCommand({
  format: null,
  examples: [],
  details:
    "roll-forward and continue are for a ledger that is behind what others have seen: " +
    "docs/guides/ledger-behind.md; move and setup for one in PostgreSQL: docs/guides/postgres-ledger.md\n",
  subcommands: [
    defineSubcommand<DataFlags & { readonly to: string }>({
      name: "move",
      summary: "Move a ledger into a PostgreSQL database, or back into a file",
      options: [
        DATA,
        {
          flags: "--to <place>",
          description: "postgres://USER@HOST/DATABASE, or file: the data directory",
          required: true,
        },
      ],
      confirms: true,
      format: "ledger.move/1",
      members: {
        from: "the ledger that is sealed now",
        to: "the ledger that the directory works with now",
        size: "number of events in it",
        root: "root over them, the same on both sides; base64",
      },
      examples: ["schemaledger ledger move --to postgres://schemaledger@db.example/ledger"],
      run: async ({ options, out, confirm }) => {
        const { moveLedger } = await import("../../api/ledger-move.ts");
        const { data = DEFAULT_DATA, to } = options;
        await confirm(`Move the ledger of ${data}, and seal the one that is left behind?`);
        const done = await moveLedger(resolve(data), to);
        out.result(done, () =>
          out.line(
            `${done.size} events are in ${done.to} now, with the same root; ${done.from} is sealed`,
          ),
        );
      },
    }),
    defineSubcommand<{ readonly ledger: string; readonly role: string }>({
      name: "setup",
      summary: "Make a PostgreSQL ledger's tables as their owner, for a service with less rights",
      options: [
        {
          flags: "--ledger <url>",
          description: "the database, as the role that is to own the tables",
          required: true,
        },
        {
          flags: "--role <name>",
          description: "the role that services work as; it exists already",
          required: true,
        },
      ],
      format: "ledger.setup/1",
      members: { url: "where the tables are", role: "who may append now" },
      examples: [
        "schemaledger ledger setup --ledger postgres://owner@db.example/ledger --role schemaledger",
      ],
      run: async ({ options, out }) => {
        const { setUpLedger } = await import("../../api/ledger-setup.ts");
        const done = await setUpLedger(options.ledger, options.role);
        out.result(done, () =>
          out.line(`${done.role} may append to the ledger in ${done.url} now`),
        );
      },
    }),
    defineSubcommand<DataFlags & { readonly from: string }>({
      name: "roll-forward",
      summary: "Bring an older ledger to the end of its export",
      options: [
        DATA,
        { flags: "--from <dir>", description: "the export, with payloads", required: true },
      ],
      format: "ledger.forward/1",
      members: {
        added: "events that were brought back",
        size: "number of events in the ledger now",
      },
      examples: ["schemaledger ledger roll-forward --data restored --from /mnt/worm/ledger"],
      run: async ({ options, out }) => {
        const { rollForwardFrom } = await import("../../api/ledger-recovery.ts");
        const done = await rollForwardFrom(options.data ?? DEFAULT_DATA, options.from);
        out.result(done, () =>
          out.line(`${done.added} events were brought back; the ledger has ${done.size}`),
        );
      },
    }),
    defineSubcommand<DataFlags & { readonly reason: string; readonly checkpoint?: string }>({
      name: "continue",
      summary: "Give a lost ledger up, and open a new one that names it",
      options: [
        DATA,
        { flags: "--reason <text>", description: "why the old one is lost", required: true },
        {
          flags: "--checkpoint <file>",
          description: "its newest known checkpoint (default: the one in the data directory)",
        },
      ],
      confirms: true,
      format: "ledger.continue/1",
      members: {
        previousOrigin: "the ledger that was given up",
        aside: "where its files are now",
      },
      examples: ['schemaledger ledger continue --reason "Both disks were lost on 5 May"'],
      run: async ({ options, out, confirm }) => {
        const { continueAnew } = await import("../../api/ledger-recovery.ts");
        const data = options.data ?? DEFAULT_DATA;
        await confirm(`Give the ledger in ${data} up, and open a new one at the next start?`);
        const done = await continueAnew(data, options.reason, options.checkpoint);
        out.result(done, () =>
          out.line(`${done.previousOrigin} is in ${done.aside}; the next start opens a new ledger`),
        );
      },
    }),
  ],
  run: async () => {},
});
