import { AdoptionService } from "../domain/adoption/adoption-service.ts";
import { resolveDirectory } from "../infra/files/allowed-roots.ts";
import type { CoreConfig } from "./config.ts";
import type { Services } from "./services.ts";
import * as t from "./tokens.ts";

/** Their names. */
export const ADOPTION = { adoptions: true, folderFiles: true } as const;

/** What takes over other tools' histories. */
export const adoptionServices = (
  c: t.Resolver,
  { roots, data, allowCode }: CoreConfig,
): Pick<Services, "adoptions" | "folderFiles"> => ({
  adoptions: new AdoptionService({
    databases: c.resolve(t.DATABASE_SERVICE),
    projection: c.resolve(t.PROJECTION),
    ledger: c.resolve(t.LEDGER),
    sessions: c.resolve(t.SESSIONS),
    jobs: c.resolve(t.JOBS),
    dialects: c.resolve(t.DIALECTS),
    digest: c.resolve(t.DIGEST),
    ids: c.resolve(t.IDS),
    allowsCode: allowCode === true,
    open: c.resolve(t.TEXTS).open,
  }),
  folderFiles: async (directory, format) => {
    const path = await resolveDirectory(directory, roots, [data]);
    const { FolderMigrationSource } =
      await import("../infra/migration-files/folder-migration-source.ts");
    const options = format === undefined ? {} : { format };
    return (await new FolderMigrationSource(path, options).read()).migrations;
  },
});
