import { defineCommand } from "../command.ts";

interface WitnessFlags {
  readonly state: string;
  readonly name: string;
  readonly log: readonly string[];
  readonly host: string;
  readonly port: string;
}

export const command = defineCommand<WitnessFlags>({
  options: [
    {
      flags: "--state <dir>",
      description: "what the witness has seen, and its key",
      env: "SCHEMALEDGER_WITNESS_STATE",
      default: "schemaledger-witness",
    },
    {
      flags: "--name <name>",
      description: "name of the witness's key, like witness.example/w1",
      env: "SCHEMALEDGER_WITNESS_NAME",
      required: true,
    },
    {
      flags: "--log <key...>",
      description: "verifier key of a ledger to witness, or a file with some; repeatable",
      env: "SCHEMALEDGER_WITNESS_LOG",
      required: true,
    },
    { flags: "--host <host>", description: "address to listen on", default: "127.0.0.1" },
    { flags: "--port <n>", description: "port; 0 picks a free one", default: "7448" },
  ],
  format: null,
  examples: [
    "schemaledger witness --name witness.example/w1 --log ledger.vkey --state /var/lib/witness",
  ],
  details:
    "Cosigns checkpoints that continue what it has seen (C2SP tlog-witness), refuses others, and keeps\n" +
    "the two notes of a ledger that shows it two histories. Run it on another machine, by others.\n",
  run: async ({ options, signal }) => {
    const { startWitness } = await import("../../api/witness-service.ts");
    const { state, name, log: logs, host } = options;
    const witness = await startWitness({ state, name, logs, host, port: options.port });
    process.stdout.write(`${witness.verifierKey}\nlistening on ${witness.url}\n`);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    await witness.close();
  },
});
