import { defineCommand } from "../command.ts";

export const command = defineCommand<{ readonly keep?: boolean }>({
  options: [{ flags: "--keep", description: "leave the service running at the end until Ctrl-C" }],
  format: null,
  examples: ["schemaledger demo"],
  run: async ({ options }) => {
    const { demo } = await import("../demo/demo.ts");
    return demo({ keep: options.keep ?? false });
  },
});
