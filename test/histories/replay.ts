import Database from "better-sqlite3";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startServiceProcess } from "../../src/cli/demo/service-process.ts";
import { quoteName } from "../../src/infra/sqlite/quote.ts";
import { differences, runBare, schemaOf } from "./bare.ts";
import { countTables, fillTables, tableNames } from "../../src/infra/sqlite/fill-tables.ts";
import { GRAMMAR_NAMES, readHistory, type HistoryStep } from "./history.ts";
import { look, undeclaredLosses } from "./observer.ts";
import { checkSchemaQuestions } from "./schema-questions.ts";
import { ServiceClient, ServiceProblem, type Answer, type Problem } from "./service-client.ts";

/*
 * Runs a history of migrations that others wrote through the service, from an empty (or given)
 * database to its end, with rows in every table, and watches from outside what becomes of them.
 */
const USAGE = `usage: replay.js FOLDER --grammar ${GRAMMAR_NAMES.join("|")}
  --order FILE        file names to run, one a line, instead of a grammar
  --base FILE         a .db to start from, or a .sql to run first
  --skip VERSION      leave a step out (repeatable)
  --replace FROM=TO   replace a text in every script (repeatable)
  --value NAME=TEXT   fill columns of this name with this text (repeatable)
  --allow             declare the row loss that a refusal's hint names, and go on
  --no-fill           generate no rows
  --at-once           one run for all steps
  --schema            compare the schema at every step, and its blame, with an independent count
  --down              go back at the end, step by step, by the down scripts`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    grammar: { type: "string", default: "plain" },
    order: { type: "string" },
    base: { type: "string" },
    skip: { type: "string", multiple: true, default: [] },
    replace: { type: "string", multiple: true, default: [] },
    value: { type: "string", multiple: true, default: [] },
    allow: { type: "boolean", default: false },
    "no-fill": { type: "boolean", default: false },
    "at-once": { type: "boolean", default: false },
    schema: { type: "boolean", default: false },
    down: { type: "boolean", default: false },
  },
});

interface Outcome {
  readonly status: string;
  readonly problem: Problem | undefined;
  readonly findings: readonly { readonly code: string; readonly message: string }[];
}

class Replay {
  readonly directory = mkdtempSync(join(tmpdir(), "schemaledger-history-"));
  readonly path = join(this.directory, "app.db");
  readonly refused = new Map<string, number>();
  readonly applied: HistoryStep[] = [];
  readonly withdrawn: string[] = [];
  losses = 0;
  /** Tables before each step. */
  readonly filled = { full: 0, empty: 0 };
  /** Declared row loss by version. */
  readonly allowed = new Map<string, readonly string[]>();
  downs = { ok: 0, failed: 0, lossy: 0 };
  #client!: ServiceClient;

  async run(steps: readonly HistoryStep[]): Promise<void> {
    const service = await startServiceProcess(this.directory);
    try {
      const token = readFileSync(service.tokenFile, "utf8").trim();
      this.#client = new ServiceClient(service.client.url, token);
      await this.#client.post("/v1/databases", { name: "app", engine: "sqlite", url: this.path });
      const registered = await this.#registerAll(steps);
      if (values["at-once"]) await this.#allAtOnce(registered);
      else for (const step of registered) await this.#step(step);
      if (values.schema) await this.#askForSchemas();
      if (values.down) await this.#allDown();
      const answer = await this.#client.post("/v1/ledger/verifications", {});
      if (answer["ok"] !== true) console.log(`LEDGER NOT OK ${JSON.stringify(answer["findings"])}`);
    } finally {
      await service.stop();
    }
  }

  async #askForSchemas(): Promise<void> {
    const bare = join(this.directory, "questions.db");
    prepare(bare, values.base);
    const { asked, differences: found } = await checkSchemaQuestions(
      this.#client.get,
      this.applied,
      bare,
    );
    for (const difference of found) console.log(`SCHEMA ${difference}`);
    console.log(`schema and blame: ${asked} answers compared, ${found.length} differ`);
    this.losses += found.length;
  }

  async #registerAll(steps: readonly HistoryStep[]): Promise<HistoryStep[]> {
    const accepted: HistoryStep[] = [];
    for (let at = 0; at < steps.length; at += 100)
      accepted.push(...(await this.#register(steps.slice(at, at + 100))));
    return accepted;
  }

  /** One request; if it is refused, each on its own to see which ones are. */
  async #register(steps: readonly HistoryStep[]): Promise<readonly HistoryStep[]> {
    try {
      await this.#client.post("/v1/databases/app/migrations", { migrations: steps });
      return steps;
    } catch (error) {
      if (!(error instanceof ServiceProblem)) throw error;
      if (steps.length > 1) {
        const accepted: HistoryStep[] = [];
        for (const step of steps) accepted.push(...(await this.#register([step])));
        return accepted;
      }
      this.#refuse(steps[0]!, error.problem, "not registered");
      return [];
    }
  }

  async #allAtOnce(steps: readonly HistoryStep[]): Promise<void> {
    const started = performance.now();
    const outcome = await this.#migrate("latest");
    console.log(`one run: ${outcome.status}, ${Math.round(performance.now() - started)} ms`);
    if (outcome.problem === undefined) this.applied.push(...steps);
    else this.#refuse(steps.at(-1)!, outcome.problem, "run failed");
  }

  async #step(step: HistoryStep): Promise<void> {
    this.#fill();
    const allowed = new Set<string>();
    for (let attempt = 0; ; attempt++) {
      const before = look(this.path);
      const outcome = await this.#migrate(step.version);
      const after = look(this.path);
      if (outcome.problem === undefined) {
        this.applied.push(step);
        this.#report(step, outcome);
        this.#losses(step, undeclaredLosses(before, after, step.up, [...allowed]));
        return;
      }
      this.#losses(step, undeclaredLosses(before, after, "", []));
      const tables = lossesNamed(outcome.problem);
      const bare = await this.#bareError(step);
      const also = bare === undefined ? "" : ` [bare: ${bare}]`;
      this.#refuse(step, outcome.problem, `attempt ${attempt + 1}${also}`);
      await this.#withdraw(step);
      if (values.allow && tables.some((table) => !allowed.has(table))) {
        for (const table of tables) allowed.add(table);
        this.allowed.set(step.version, [...allowed]);
        await this.#client.post("/v1/databases/app/migrations", {
          migrations: [{ ...step, allow: { rowLoss: [...allowed] } }],
        });
      } else if (bare !== undefined && attempt === 0) {
        // The generated rows are such as the script does not expect: try without them.
        this.#empty();
        await this.#register([step]);
      } else {
        this.withdrawn.push(step.version);
        return;
      }
    }
  }

  async #migrate(to: string): Promise<Outcome> {
    return this.#end("/v1/databases/app/runs", { to, reason: "replay" });
  }

  async #end(path: string, body: object): Promise<Outcome> {
    try {
      let run = await this.#client.post(path, body);
      while (run["endedAt"] === null)
        run = await this.#client.get(`/v1/runs/${String(run["id"])}?wait=30`);
      return outcomeOf(run);
    } catch (error) {
      if (!(error instanceof ServiceProblem)) throw error;
      return { status: "refused", problem: error.problem, findings: [] };
    }
  }

  async #withdraw({ version }: HistoryStep): Promise<void> {
    const path = `/v1/databases/app/migrations/${version}/withdrawals`;
    await this.#client.post(path, { reason: "refused in replay" });
  }

  async #allDown(): Promise<void> {
    for (let at = this.applied.length - 1; at >= 0; at--) {
      const { version, down } = this.applied[at]!;
      if (down === undefined) break;
      const to = at === 0 ? "0" : this.applied[at - 1]!.version;
      const before = look(this.path);
      const body = { to, strategy: "down", reason: "replay" };
      const outcome = await this.#end("/v1/databases/app/rollbacks", body);
      if (outcome.problem === undefined) {
        this.downs.ok += 1;
        const lost = undeclaredLosses(
          before,
          look(this.path),
          down,
          this.allowed.get(version) ?? [],
        );
        this.#losses(this.applied[at]!, lost);
        continue;
      }
      this.downs.failed += 1;
      const { code, message, hint } = outcome.problem;
      console.log(`DOWN ${version}: ${code}: ${message}\n    hint: ${hint ?? "-"}`);
      const restored = await this.#end("/v1/databases/app/rollbacks", {
        ...body,
        strategy: "restore",
      });
      if (restored.problem !== undefined) {
        console.log(`RESTORE ${version}: ${JSON.stringify(restored.problem)}`);
        break;
      }
    }
  }

  #fill(): void {
    if (values["no-fill"]) return;
    const given = new Map(values.value.map(pairOf));
    this.#open((db) => {
      fillTables(db, { rows: 3, given });
      for (const rows of countTables(db).values()) this.filled[rows > 0 ? "full" : "empty"] += 1;
    });
  }

  #empty(): void {
    this.#open((db) => {
      for (const table of tableNames(db)) db.exec(`DELETE FROM ${quoteName(table)}`);
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

  /** What a plain shell says to the step on the same rows. */
  async #bareError(step: HistoryStep): Promise<string | undefined> {
    const copy = join(this.directory, "copy.db");
    this.#open((db) => db.pragma("wal_checkpoint(TRUNCATE)"));
    copyFileSync(this.path, copy);
    try {
      return await runBare(copy, step.up);
    } finally {
      for (const file of [copy, `${copy}-wal`, `${copy}-shm`]) rmSync(file, { force: true });
    }
  }

  #losses(step: HistoryStep, found: readonly string[]): void {
    this.losses += found.length;
    for (const loss of found) console.log(`SILENT LOSS in ${step.version}: ${loss}`);
  }

  #refuse(step: HistoryStep, { code, message, statement, hint }: Problem, note: string): void {
    this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
    const place = statement === undefined ? "" : `, statement ${statement}`;
    console.log(`REFUSED ${step.version} ${step.name}${place}: ${code}: ${message}`);
    console.log(`    hint: ${hint ?? "-"}\n    ${note}`);
  }

  #report({ version }: HistoryStep, { findings }: Outcome): void {
    for (const { code, message } of findings)
      if (!QUIET.has(code)) console.log(`finding ${version}: ${code}: ${message}`);
  }
}

/** Too ordinary to be listed. */
const QUIET = new Set(["table-dropped", "pragma-skipped", "empty-script"]);

const lossesNamed = ({ code, hint }: Problem): string[] => {
  const list = /rowLoss: (\[.*?\])/.exec(hint ?? "")?.[1];
  return code === "rows-lost" && list !== undefined ? (JSON.parse(list) as string[]) : [];
};

function outcomeOf(run: Answer): Outcome {
  const steps = run["steps"] as readonly { readonly findings: Outcome["findings"] }[];
  const problem = (run["error"] ?? undefined) as Problem | undefined;
  const rehearsal = run["rehearsal"] as { readonly error?: Problem } | null;
  return {
    status: run["status"] as string,
    problem: rehearsal?.error ?? problem,
    findings: steps.flatMap(({ findings }) => findings),
  };
}

/** The schema that the same steps reach in a plain shell. */
async function bareSchema(
  replay: Replay,
  base: string | undefined,
): Promise<ReturnType<typeof schemaOf>> {
  const path = join(replay.directory, "bare.db");
  prepare(path, base);
  for (const { version, up } of replay.applied) {
    const error = await runBare(path, up);
    if (error !== undefined) console.log(`bare run of ${version} on empty tables: ${error}`);
  }
  return schemaOf(path);
}

function prepare(path: string, base: string | undefined): void {
  if (base?.endsWith(".db")) copyFileSync(base, path);
  const db = new Database(path);
  db.pragma("foreign_keys = OFF");
  db.pragma("journal_mode = WAL");
  if (base?.endsWith(".sql")) db.exec(readFileSync(base, "utf8"));
  db.close();
}

const percentOf = (part: number, rest: number): string =>
  part + rest === 0 ? "-" : `${Math.round((100 * part) / (part + rest))} %`;

function pairOf(text: string): [string, string] {
  const at = text.indexOf("=");
  return [text.slice(0, at), text.slice(at + 1)];
}

function substituted(steps: readonly HistoryStep[]): HistoryStep[] {
  const pairs = values.replace.map(pairOf);
  const change = (text: string): string =>
    pairs.reduce((changed, [from, to]) => changed.replaceAll(from, to), text);
  return steps.map((step) => ({
    ...step,
    up: change(step.up),
    ...(step.down === undefined ? {} : { down: change(step.down) }),
  }));
}

const [folder] = positionals;
if (folder === undefined) {
  console.error(USAGE);
  process.exit(2);
}
const order =
  values.order === undefined
    ? undefined
    : readFileSync(values.order, "utf8")
        .split("\n")
        .filter((line) => line !== "");
const history = readHistory(folder, values.grammar, order);
for (const file of history.unread) console.log(`not read: ${file}`);
const replay = new Replay();
try {
  prepare(replay.path, values.base);
  const steps = substituted(history.steps).filter(({ version }) => !values.skip.includes(version));
  const started = performance.now();
  await replay.run(steps);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  let equal = "not compared";
  if (!values.down) {
    const [service, bare] = [schemaOf(replay.path), await bareSchema(replay, values.base)];
    equal = service.fingerprint === bare.fingerprint ? "yes" : "NO";
    for (const difference of differences(service.objects, bare.objects)) console.log(difference);
  }
  const refused = [...replay.refused].map(([code, times]) => `${code} × ${times}`).join(", ");
  console.log(
    [
      folder,
      `steps ${history.steps.length}, run ${replay.applied.length}`,
      `left out ${[...values.skip, ...replay.withdrawn].join(" ") || "none"}`,
      `refused ${refused || "none"}`,
      `tables with rows ${percentOf(replay.filled.full, replay.filled.empty)}`,
      `allowances ${replay.allowed.size}`,
      `rows lost undeclared ${replay.losses}`,
      ...(values.down ? [`downs ok ${replay.downs.ok}, failed ${replay.downs.failed}`] : []),
      `schema equal ${equal}`,
      `${seconds} s`,
    ].join(" · "),
  );
  process.exitCode = replay.losses === 0 ? 0 : 1;
} finally {
  rmSync(replay.directory, { recursive: true, force: true });
}
