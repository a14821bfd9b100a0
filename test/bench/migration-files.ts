import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FolderMigrationSource } from "../../src/infra/migration-files/folder-migration-source.ts";
import { NodeDigest } from "../../src/infra/signing/node-digest.ts";
import { compareFiles } from "../../src/library/reconcile-files.ts";
import { resolveSet } from "../../src/library/resolve-set.ts";

/*
 * 10,000 migration files read, ordered, hashed and planned against a database that knows none of them,
 * for several formats, beside the floor: each of the same files read and hashed with SHA-256.
 *
 *   node dist/test/bench/migration-files.js [files] [rounds]
 */
const [files = 10_000, rounds = 7] = process.argv.slice(2).map(Number);
const BODY = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL, total INTEGER);\n".repeat(
  6,
);

const FORMATS: { readonly [format: string]: (at: number) => readonly [string, string] } = {
  plain: (at) => [`${String(at).padStart(5, "0")}_m.sql`, BODY],
  flyway: (at) => [`V${at}__m.sql`, BODY],
  goose: (at) => [`${at}_m.sql`, `-- +goose Up\n${BODY}-- +goose Down\nDROP TABLE t;\n`],
  prisma: (at) => [`${String(20_240_000_000_000 + at)}_m/migration.sql`, BODY],
};

const place = mkdtempSync(join(tmpdir(), "schemaledger-files-"));
try {
  for (const [format, write] of Object.entries(FORMATS)) {
    const folder = join(place, format);
    mkdirSync(folder);
    for (let at = 1; at <= files; at++) {
      const [file, text] = write(at);
      if (file.includes("/")) mkdirSync(join(folder, file, ".."));
      writeFileSync(join(folder, file), text);
    }
    const [floor, own]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      floor.push(await timed(() => readAndHash(folder)));
      own.push(await timed(() => readAndPlan(folder)));
    }
    const ratio = median(own.map((ms, at) => ms / floor[at]!));
    console.log(
      `${format.padEnd(8)} floor ${median(floor).toFixed(0)} ms, read to plan ${median(own).toFixed(0)} ms, ratio ${ratio.toFixed(2)} (at most 3)`,
    );
  }
} finally {
  rmSync(place, { recursive: true, force: true });
}

function readAndHash(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile())
      createHash("sha256")
        .update(readFileSync(join(entry.parentPath, entry.name)))
        .digest("hex");
}

async function readAndPlan(folder: string): Promise<void> {
  const digest = new NodeDigest();
  const read = await new FolderMigrationSource(folder).read();
  const set = await resolveSet(read, { registered: [], isEmpty: () => true, digest });
  // What is registered already is hashed to be compared.
  const registered = set.migrations.map(({ version, name }) => ({
    version,
    name,
    checksum: "",
    state: "pending" as const,
  }));
  const { pending } = compareFiles(set.migrations, registered, digest);
  if (pending.length !== files) throw new Error(`${pending.length} are pending`);
}

async function timed(work: () => void | Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
