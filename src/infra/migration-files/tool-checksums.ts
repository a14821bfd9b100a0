import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { ToolChecksum } from "../../domain/migration/migration-source.ts";

/** The text with each kind of line ends: a checkout may have changed them since it was applied. */
const variants = (text: string): string[] => {
  const unix = text.replaceAll("\r\n", "\n");
  return [...new Set([text, unix, unix.replaceAll("\n", "\r\n")])];
};

const shaVariants = (algorithm: string, text: string, hash = "sha256"): ToolChecksum => ({
  algorithm,
  values: variants(text).map((variant) => createHash(hash).update(variant).digest("hex")),
});

/** SHA-384 of the file. */
export const sqlxChecksum = (text: string): ToolChecksum =>
  shaVariants("sqlx-sha384", text, "sha384");

/** SHA-256 of migration.sql. */
export const prismaChecksum = (text: string): ToolChecksum => shaVariants("prisma-sha256", text);

/** SHA-256 of the file. */
export const drizzleChecksum = (text: string): ToolChecksum => shaVariants("drizzle-sha256", text);

/** SHA-1 of the deploy script. */
export const sqitchScriptHash = (text: string): string =>
  createHash("sha1").update(text).digest("hex");

/** CRC-32 over the lines without their ends, as a signed number: line ends do not matter. */
export function flywayChecksum(text: string): ToolChecksum {
  // Line by line it comes to the same: the sum goes on from one to the next.
  const crc = crc32(text.replaceAll(/[\r\n]+/g, ""));
  return { algorithm: "flyway-crc32", values: [String(crc | 0)] };
}

/** Since Liquibase 4.22, of an SQL changeset: space does not matter. */
export function liquibaseChecksum(sql: string): ToolChecksum {
  const md5 = (text: string): string => createHash("md5").update(text).digest("hex");
  return {
    algorithm: "liquibase-9",
    values: [`9:${md5(`9:${md5(sql.replaceAll(/[ \n\r\t]/g, ""))}:`)}`],
  };
}

/** Atlas' hashes: each of its file and all before it, and one of the names with those. */
export class AtlasSum {
  readonly #files = createHash("sha256");
  readonly #all = createHash("sha256");

  add(name: string, text: string): string {
    const hash = this.#files.update(name).update(text).copy().digest("base64");
    this.#all.update(name).update(hash);
    return `h1:${hash}`;
  }

  total(): string {
    return `h1:${this.#all.copy().digest("base64")}`;
  }
}
