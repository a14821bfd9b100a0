import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { constants, copyFile, link, open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { FileMigration, ShippedDatabase } from "../../domain/migration/migration-source.ts";
import { exists } from "../files/exists.ts";

/** The migration that stands for a database file which new databases begin as. */
export async function shippedBaseline(
  version: string,
  file: string,
  path: string,
): Promise<FileMigration> {
  const sha256 = await sha256Of(path);
  return {
    version: `B${version}`,
    name: `began as ${file}`,
    up: `-- The database began as ${JSON.stringify(file)}, sha256:${sha256}\n`,
    order: version,
    baseline: true,
    shipped: { path, sha256 },
    files: [file],
  };
}

/**
 * Whether a database that nobody has registered yet is the shipped one: it is made as a copy where there
 * is none. The copy appears complete under its name, or not at all.
 */
export async function beginsAsShipped(
  { path, sha256 }: ShippedDatabase,
  target: string,
): Promise<boolean> {
  if (!(await exists(target))) await copyTo(path, target);
  return (await sha256Of(target)) === sha256;
}

async function copyTo(path: string, target: string): Promise<void> {
  const beside = join(dirname(target), `.schemaledger-${randomBytes(8).toString("hex")}`);
  try {
    await copyFile(path, beside, constants.COPYFILE_EXCL);
    const file = await open(beside, "r+");
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    // Unlike a rename it fails if somebody was quicker.
    await link(beside, target);
  } finally {
    await rm(beside, { force: true });
  }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
