import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeDirectory } from "../../infra/files/atomic-write.ts";
import { exists } from "../../infra/files/exists.ts";
import { defineCommand } from "../command.ts";
import { whole } from "../resources.ts";
import type { SharedOptions } from "../shared-options.ts";

export const command = defineCommand<SharedOptions>({
  arguments: [
    { name: "[dir]", description: "the folder for migration files (default: migrations)" },
  ],
  ledger: true,
  format: "init/1",
  members: {
    ledger: "the data directory, or the server",
    migrations: "the folder",
    verifierKey: "what checks the ledger's checkpoints",
  },
  examples: ["schemaledger init", "schemaledger init db/migrations --data /var/lib/schemaledger"],
  run: async ({ args, out, connect }) => {
    const dir = args[0] ?? "migrations";
    const client = await connect("write");
    const made = !(await exists(dir));
    if (made) {
      await makeDirectory(dir);
      await writeFile(join(dir, ".gitkeep"), "");
    }
    const vkey = (await whole(client.stream("/v1/ledger/vkey", "text/plain"))).trim();
    out.result({ ledger: client.place, migrations: dir, verifierKey: vkey }, () => {
      out.facts([
        ["ledger", client.place],
        ["migrations", `${dir}${made ? " (made)" : ""}`],
        ["verifier key", vkey],
      ]);
      out.line();
      out.line(
        "Keep the verifier key somewhere else: with it anybody can check this ledger. Next:",
      );
      out.line(`  schemaledger new ${dir} "create orders"`);
      out.line(`  schemaledger migrate shop.db ${dir}`);
    });
  },
});
