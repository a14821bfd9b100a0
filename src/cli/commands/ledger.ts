import { defineCommand, defineSubcommand } from "../command.ts";
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
    "Both are for a ledger that is behind what others have seen: docs/guides/ledger-behind.md\n",
  subcommands: [
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
