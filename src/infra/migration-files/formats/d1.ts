import type { MigrationFormat } from "../migration-format.ts";
import { plainFormat } from "./plain.ts";

/** D1 (wrangler): plain files, known by their whole names. Read when it is asked for by name. */
export const d1Format: MigrationFormat = {
  name: "d1",
  recognise: async () => undefined,
  read: async (folder, options) => {
    const { migrations, unmatched } = await plainFormat.read(folder, options);
    return {
      migrations: migrations.map((migration) =>
        Object.assign({}, migration, {
          origin: { version: null, name: migration.files[0]! },
        }),
      ),
      unmatched,
    };
  },
};
