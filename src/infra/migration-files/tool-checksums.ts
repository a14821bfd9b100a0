import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { ToolChecksum } from "../../domain/migration/migration-source.ts";
import { MARK } from "./migration-folder.ts";

const toUnix = (text: string): string => text.replaceAll("\r\n", "\n");
const toWindows = (text: string): string => toUnix(text).replaceAll("\n", "\r\n");

/**
 * The text with each kind of line ends: a checkout may have changed them since it was applied. Then the same with the
 * byte order mark that reading the file took away: these tools hash it, too.
 */
const variants = (text: string): string[] => {
  const plain = [...new Set([text, toUnix(text), toWindows(text)])];
  return [...plain, ...plain.map((one) => MARK + one)];
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

/**
 * Atlas' hashes: each of its file and all before it, and one of the names with those. Worked out three times: of the
 * bytes as they are, and with either kind of line ends.
 */
export class AtlasSum {
  readonly #sums = [(text: string): string => text, toUnix, toWindows].map((lines) => ({
    lines,
    files: createHash("sha256"),
    all: createHash("sha256"),
  }));

  /** `text` begins with the byte order mark, if the file does. */
  add(name: string, text: string): readonly string[] {
    return this.#sums.map(({ lines, files, all }) => {
      const hash = files.update(name).update(lines(text)).copy().digest("base64");
      all.update(name).update(hash);
      return `h1:${hash}`;
    });
  }

  /** Of a file that says `atlas:sum ignore` the name alone is hashed. */
  pass(name: string): void {
    for (const { files } of this.#sums) files.update(name);
  }

  totals(): readonly string[] {
    return this.#sums.map(({ all }) => `h1:${all.copy().digest("base64")}`);
  }
}
