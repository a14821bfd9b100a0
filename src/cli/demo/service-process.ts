import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { PACKAGE_ROOT } from "../../infra/system/package-root.ts";
import { RestClient } from "./rest-client.ts";

/** A service of our own, as a process of its own. */
export interface ServiceProcess {
  readonly client: RestClient;
  readonly tokenFile: string;
  /** SIGTERM, then waits for its end. */
  stop(): Promise<void>;
}

const MAIN = fileURLToPath(new URL("dist/src/cli/main.js", PACKAGE_ROOT));

/** Starts `schemaledger serve` on `directory` and waits for its "listening on" line. */
export async function startServiceProcess(directory: string): Promise<ServiceProcess> {
  const data = join(directory, "data");
  const child = spawn(
    process.execPath,
    [MAIN, "serve", "--data", data, "--port", "0", "--root", directory, "--log-level", "warn"],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const url = await listening(child);
  const tokenFile = join(data, "keys", "admin.key");
  const token = (await readFile(tokenFile, "utf8")).trim();
  return {
    client: new RestClient(url, token),
    tokenFile,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}

async function listening(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) {
    const url = /^listening on (\S+)$/.exec(line)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error("The service ended before it was ready");
}
