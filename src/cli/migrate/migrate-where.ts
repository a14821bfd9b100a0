import { timeOf } from "../times.ts";
import type { MigrationSet } from "../../domain/migration/migration-source.ts";
import type { ProcessExecutor } from "../../infra/executor/process-executor.ts";
import { NodeDigest } from "../../infra/signing/node-digest.ts";
import { LocalLedger } from "../../library/local-ledger.ts";
import {
  migrate,
  type Migrated,
  type MigrateNews,
  type MigrateOrder,
} from "../../library/migrate.ts";
import type { Client } from "../client/client.ts";
import { dataDirectory, localOptions } from "../client/local-options.ts";
import { namedBackups } from "../client/named-backups.ts";
import type { Call } from "../command.ts";
import type { SharedOptions } from "../shared-options.ts";

interface Options extends SharedOptions {
  readonly to?: string;
  readonly reason?: string;
  readonly ticket?: string;
  readonly notBefore?: string;
  readonly exception?: boolean;
  readonly emergency?: boolean;
}

/** Migrates on the server that is named, in this process, or on the service that has the directory. */
export async function migrateWhere(
  call: Call<Options>,
  set: MigrationSet,
  hear: (news: MigrateNews) => void,
  executor: ProcessExecutor | undefined,
): Promise<Migrated> {
  const { options, args, signal } = call;
  const { to, reason, ticket, notBefore, exception, emergency } = options;
  const order: MigrateOrder = {
    database: args[0]!,
    set,
    signal,
    hear,
    ...(to === undefined ? {} : { to }),
    ...(reason === undefined ? {} : { reason }),
    ...(ticket === undefined ? {} : { ticket }),
    ...(notBefore === undefined ? {} : { notBefore: timeOf(notBefore) }),
    ...(exception === undefined ? {} : { exception }),
    ...(emergency === undefined ? {} : { emergency }),
  };
  if (options.server !== undefined) return over(await call.connect("write"), order);
  try {
    return await new LocalLedger(dataDirectory(options), namedBackups().backupStore).migrate(
      order,
      {
        ...localOptions(options, signal),
        ...(executor === undefined ? {} : { executor }),
      },
    );
  } catch (error) {
    const { clientOfHolder } = await import("../client/served-directory.ts");
    const served = await clientOfHolder(error);
    if (served !== undefined) return over(served, order);
    throw error;
  }
}

async function over(client: Client, order: MigrateOrder): Promise<Migrated> {
  const { HttpDesk } = await import("../client/http-desk.ts");
  return migrate(new HttpDesk(client), new NodeDigest(), order);
}
