import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { createFile } from "../infra/files/atomic-write.ts";

/**
 * The ledger's name for ever, chosen at the first start and kept in the file: the machine's name
 * and something random, so that two ledgers never have the same.
 */
export async function loadOrigin(file: string): Promise<string> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    const host = hostname()
      .toLowerCase()
      .replaceAll(/[^a-z0-9.-]/g, "-");
    const origin = `${host}/schemaledger/${randomBytes(4).toString("hex")}`;
    await createFile(file, `${origin}\n`);
    // Another service on the same keys may have been quicker.
    return (await readFile(file, "utf8")).trim();
  }
}
