import type { SharedOptions } from "../shared-options.ts";
import type { Client } from "./client.ts";

/** Opens the ledger that the options name. What is not needed for it is not loaded. */
export async function connect(
  options: SharedOptions,
  access: "read" | "write",
  signal?: AbortSignal,
): Promise<Client> {
  if (options.server !== undefined) {
    const { HttpClient } = await import("./http-client.ts");
    return HttpClient.open(options.server, process.env["SCHEMALEDGER_TOKEN"]);
  }
  const { dataDirectory, localOptions } = await import("./local-options.ts");
  const { openEmbedded, openReadOnly } = await import("../../api/embedded.ts");
  const { LocalClient } = await import("./local-client.ts");
  const backupIdentity = process.env["SCHEMALEDGER_BACKUP_IDENTITY"];
  const { namedBackups } = await import("./named-backups.ts");
  const config = {
    data: dataDirectory(options),
    roots: ["/"],
    allowCode: true,
    ...(backupIdentity === undefined ? {} : { backupIdentity }),
    ...namedBackups(),
  };
  const local = localOptions(options, signal);
  if (access === "read") return new LocalClient(config.data, await openReadOnly(config, local));
  try {
    return new LocalClient(config.data, await openEmbedded(config, local));
  } catch (error) {
    const { clientOfHolder } = await import("./served-directory.ts");
    const served = await clientOfHolder(error);
    if (served !== undefined) return served;
    throw error;
  }
}
