import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Conflict } from "../../domain/shared/errors.ts";
import { serviceOf, type Holder } from "../../infra/files/directory-lock.ts";
import { HttpClient } from "./http-client.ts";

/**
 * A service that has the data directory is spoken to instead: with SCHEMALEDGER_TOKEN, or with the
 * first admin key that lies in the directory. Undefined for any other error, or another holder.
 * Error: Conflict data-directory-in-use, saying how to go on, where neither key is there.
 */
export async function clientOfHolder(error: unknown): Promise<HttpClient | undefined> {
  if (!(error instanceof Conflict) || error.code !== "data-directory-in-use") return undefined;
  const url = serviceOf(error.details["holder"] as Holder | undefined);
  if (url === undefined) return undefined;
  const token = process.env["SCHEMALEDGER_TOKEN"] ?? (await firstKey(error.details["directory"]));
  if (token !== undefined) return HttpClient.open(url, token);
  throw new Conflict(error.code, error.message, {
    hint: `Put an API key of the service into SCHEMALEDGER_TOKEN and use --server ${url}`,
    details: error.details,
  });
}

async function firstKey(directory: unknown): Promise<string | undefined> {
  try {
    return (await readFile(join(String(directory), "keys", "admin.key"), "utf8")).trim();
  } catch {
    // It was put away, as it should be after the first start: the caller says what to do.
    return undefined;
  }
}
