import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readConfig } from "../../src/api/config.ts";
import { startService } from "../../src/api/service.ts";
import { InProcessExecutor } from "../../src/infra/executor/in-process-executor.ts";
import type { ProcessExecutor } from "../../src/infra/executor/process-executor.ts";
import { Api } from "./chaos/api.ts";

/** Sessions in this process: nothing starts, and all that is done to the disk is done by it. */
class HereExecutor extends InProcessExecutor {
  warm(): Promise<void> {
    return Promise.resolve();
  }
}

/** Runs a service in this process, executors included, on `<root>/data` and the databases in `root`. */
export async function withServiceHere<T>(root: string, use: (api: Api) => Promise<T>): Promise<T> {
  const data = join(root, "data");
  const service = await startService(
    readConfig({ data, host: "127.0.0.1", port: 0, roots: [root], auditReads: "exports" }),
    {
      log: () => undefined,
      startedExecutor: new HereExecutor() as unknown as ProcessExecutor,
      ledgerBackupDelayMs: null,
    },
  );
  try {
    const token = readFileSync(service.adminKeyFile, "utf8").trim();
    return await use(new Api(service.url, token));
  } finally {
    await service.close();
  }
}
