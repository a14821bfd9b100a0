import type { SharedOptions } from "../shared-options.ts";
import type { Client } from "./client.ts";
import { HttpClient } from "./http-client.ts";

/** Opens the ledger that the options name. */
export async function connect(options: SharedOptions, _access: "read" | "write"): Promise<Client> {
  return HttpClient.open(options.server ?? "", process.env["SCHEMALEDGER_TOKEN"]);
}
