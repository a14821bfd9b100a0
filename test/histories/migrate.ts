import Database from "better-sqlite3";
import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FolderMigrationSource } from "../../src/infra/migration-files/folder-migration-source.ts";
import type { FileMigration } from "../../src/domain/migration/migration-source.ts";
import { resolveSet } from "../../src/library/resolve-set.ts";
import { NodeDigest } from "../../src/infra/signing/node-digest.ts";
import { useFunctions } from "../../src/infra/sqlite/sql-functions.ts";
import { differences, runBare, schemaOf } from "./bare.ts";
import { countTables, fillTables, tableNames } from "../../src/infra/sqlite/fill-tables.ts";
import { KNOWN_HISTORIES, type KnownHistory } from "./known.ts";
import { look, undeclaredLosses } from "./observer.ts";

/*
 * Runs a public history, in its own grammar, through `schemaledger migrate` from its beginning to its
 * end: a process for each step, rows put into every table before it, and a look from outside at what
 * became of them. At the end the schema is compared with what a bare connection, and the sqlite3 shell,
 * reach with the same texts.
 *
 *   node dist/test/histories/migrate.js NAME FOLDER [--base FILE.db|FILE.sql] [--list FILE]
 *
 * FOLDER holds the history's files (known.ts has repository, commit and path); nothing of it is changed.
 */
const MAIN = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly details?: {
    readonly version?: string;
    readonly run?: { readonly error?: Failure; readonly rehearsal?: { readonly error?: Failure } };
  };
}

interface Refusal {
  readonly version: string;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  /** What was done about it. */
  readonly answer: string;
}

class Run {
  readonly place = mkdtempSync(join(tmpdir(), "schemaledger-migrate-"));
  readonly folder = join(this.place, "m");
  readonly path = join(this.place, "app.db");
  readonly refusals: Refusal[] = [];
  readonly applied: FileMigration[] = [];
  readonly losses: string[] = [];
  readonly filled = { full: 0, empty: 0 };
  readonly #history: KnownHistory;
  readonly #skipped = new Set<string>();
  readonly #steps: { [version: string]: object } = {};

  constructor(
    history: KnownHistory,
    folder: string,
    base: string | undefined,
    list: string | undefined,
  ) {
    this.#history = history;
    cpSync(folder, this.folder, { recursive: true });
    if (base?.endsWith(".sql")) copyFileSync(base, join(this.folder, "base.sql"));
    if (base?.endsWith(".db")) copyFileSync(base, this.path);
    if (history.functions !== undefined)
      writeFileSync(join(this.folder, "schemaledger.functions.mjs"), history.functions);
    this.#list =
      list === undefined
        ? []
        : readFileSync(list, "utf8")
            .split("\n")
            .filter((line) => line !== "");
    this.#configure();
  }

  readonly #list: readonly string[];

  async all(): Promise<string> {
    const source = new FolderMigrationSource(this.folder);
    const read = await source.read();
    const isEmpty = !existsSync(this.path);
    const set = await resolveSet(read, {
      registered: [],
      isEmpty: () => isEmpty,
      digest: new NodeDigest(),
    });
    for (const { file, reason } of set.unmatched)
      console.log(`not a migration: ${file} (${reason})`);
    for (const migration of set.migrations) await this.#step(migration);
    return read.format;
  }

  async #step(migration: FileMigration): Promise<void> {
    const { version, up } = migration;
    if (this.#skipped.has(version)) return;
    const allowed: string[] = [...(migration.allow?.rowLoss ?? [])];
    let withoutRows = false;
    for (let attempt = 1; ; attempt++) {
      if (!withoutRows) this.#fill();
      const before = existsSync(this.path) ? look(this.path) : undefined;
      const failure = this.#migrate(version);
      const after = look(this.path);
      const text = failure === undefined ? up : "";
      if (before !== undefined)
        for (const loss of undeclaredLosses(
          before,
          after,
          text,
          failure === undefined ? allowed : [],
        ))
          this.losses.push(`${version}: ${loss}`);
      if (failure === undefined) {
        this.applied.push(migration);
        return;
      }
      const lost = /rowLoss: (\[.*?\])/.exec(failure.hint ?? "")?.[1];
      const tables = lost === undefined ? [] : (JSON.parse(lost) as string[]);
      const fresh = tables.filter((table) => !allowed.includes(table));
      if (failure.code === "rows-lost" && fresh.length > 0) {
        allowed.push(...fresh);
        this.#say(version, { allow: { rowLoss: allowed } });
        this.#refuse(version, failure, `declared the loss of rows of ${allowed.join(", ")}`);
      } else if (!withoutRows && existsSync(this.path) && failure.code !== "migration-refused") {
        // The generated rows may be such as the authors' never were: once more without them.
        const bare = (await this.#bareFails(up)) ?? "nothing";
        this.#empty();
        withoutRows = true;
        this.#refuse(
          version,
          failure,
          `the generated rows were taken out (on them a bare connection says: ${bare})`,
        );
      } else {
        // All of the folder is registered at once: another version may be the one that is refused.
        const refused = failure.details?.version ?? version;
        this.#say(refused, { skip: failure.code });
        this.#refuse(refused, failure, "left out");
        this.#skipped.add(refused);
        if (refused === version) return;
      }
    }
  }

  #say(version: string, what: object): void {
    this.#steps[version] = { ...this.#steps[version], ...what };
    this.#configure();
  }

  #configure(): void {
    const { config = {} } = this.#history;
    const migrations = {
      ...config,
      ...(config["list"] === undefined ? {} : { list: this.#list }),
      steps: this.#steps,
    };
    writeFileSync(join(this.folder, "schemaledger.config.json"), JSON.stringify({ migrations }));
  }

  #refuse(version: string, { code, message, hint = "-" }: Failure, answer: string): void {
    this.refusals.push({ version, code, message, hint, answer });
    console.log(`refused ${version}: ${code}: ${message}\n    hint: ${hint}\n    ${answer}`);
  }

  /** `schemaledger migrate --to VERSION` as a process of its own. */
  #migrate(version: string): Failure | undefined {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [MAIN, "migrate", this.path, this.folder, "--to", version, "--reason", "history", "--json"],
      { cwd: this.place, encoding: "utf8", maxBuffer: 1 << 28 },
    );
    if (status === 0) return undefined;
    if (stdout === "") throw new Error(`exit ${status}: ${stderr}`);
    const { error } = JSON.parse(stdout) as { error: Failure };
    const { run } = error.details ?? {};
    return run?.rehearsal?.error ?? run?.error ?? error;
  }

  #fill(): void {
    if (!existsSync(this.path)) return;
    const given = new Map(Object.entries(this.#history.values ?? {}));
    this.#open((db) => {
      fillTables(db, { rows: 3, given });
      for (const rows of countTables(db).values()) this.filled[rows > 0 ? "full" : "empty"] += 1;
    });
  }

  #empty(): void {
    this.#open((db) => {
      for (const table of tableNames(db)) db.exec(`DELETE FROM "${table.replaceAll('"', '""')}"`);
    });
  }

  #open(use: (db: Database.Database) => void): void {
    const db = new Database(this.path, { timeout: 10_000 });
    try {
      db.pragma("foreign_keys = OFF");
      use(db);
    } finally {
      db.close();
    }
  }

  async #bareFails(sql: string): Promise<string | undefined> {
    const copy = join(this.place, "copy.db");
    if (!existsSync(this.path)) return undefined;
    this.#open((db) => db.pragma("wal_checkpoint(TRUNCATE)"));
    copyFileSync(this.path, copy);
    try {
      return await this.bare(copy, sql);
    } finally {
      for (const file of [copy, `${copy}-wal`, `${copy}-shm`]) rmSync(file, { force: true });
    }
  }

  bare(path: string, sql: string): Promise<string | undefined> {
    return runBare(path, sql, (db) => useFunctions(db, this.#history.functions));
  }
}

/** The schema that the same texts reach otherwise. */
async function compared(run: Run, base: string | undefined): Promise<string> {
  const own = schemaOf(run.path);
  const bare = join(run.place, "bare.db");
  const shell = join(run.place, "shell.db");
  for (const path of [bare, shell]) if (base?.endsWith(".db")) copyFileSync(base, path);
  let shellError: string | undefined;
  for (const { up, version } of run.applied) {
    const error = await run.bare(bare, up);
    if (error !== undefined) console.log(`bare ${version}: ${error}`);
    const input = /^(\s|--.*\n)*COMMIT/i.test(up) ? `BEGIN;\n${up}\n;COMMIT;` : up;
    // The shell takes dots at the beginning of a line for commands; none of these has any.
    const { stderr } = spawnSync("sqlite3", ["-bail", shell], { input, encoding: "utf8" });
    if (stderr !== "") shellError ??= `${version}: ${stderr.trim().split("\n")[0]}`;
  }
  const equal = (path: string): string => {
    const other = schemaOf(path);
    for (const line of differences(own.objects, other.objects)) console.log(line);
    return own.fingerprint === other.fingerprint ? "equal" : "DIFFERS";
  };
  return `bare ${equal(bare)}; shell ${shellError === undefined ? equal(shell) : `stops at ${shellError}`}`;
}

const [name, folder, ...rest] = process.argv.slice(2);
const option = (flag: string): string | undefined => {
  const at = rest.indexOf(flag);
  return at < 0 ? undefined : rest[at + 1];
};
const history = KNOWN_HISTORIES.find((one) => one.name === name);
if (history === undefined || folder === undefined) {
  console.error(
    `usage: migrate.js NAME FOLDER [--base FILE] [--list FILE]\nknown: ${KNOWN_HISTORIES.map((one) => one.name).join(", ")}`,
  );
  process.exit(2);
}
const base = option("--base");
const run = new Run(history, folder, base, option("--list"));
try {
  const started = performance.now();
  const format = await run.all();
  const schema = await compared(run, base);
  execFileSync(process.execPath, [MAIN, "verify", "--data", join(run.place, "schemaledger-data")], {
    stdio: "ignore",
  });
  const { full, empty } = run.filled;
  for (const loss of run.losses) console.log(`SILENT LOSS ${loss}`);
  console.log(
    [
      history.name,
      format,
      `applied ${run.applied.length}`,
      `refused ${run.refusals.length}`,
      `left out ${run.refusals.filter(({ answer }) => answer === "left out").length}`,
      `declared ${run.refusals.filter(({ answer }) => answer.startsWith("declared")).length}`,
      `silent loss ${run.losses.length}`,
      `tables with rows ${Math.round((100 * full) / Math.max(1, full + empty))} %`,
      schema,
      `${((performance.now() - started) / 1000).toFixed(0)} s`,
    ].join(" | "),
  );
  process.exitCode = run.losses.length === 0 ? 0 : 1;
} finally {
  rmSync(run.place, { recursive: true, force: true });
}
