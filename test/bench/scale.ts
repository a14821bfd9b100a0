import Sqlite from "better-sqlite3";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startServiceProcess } from "../../src/cli/demo/service-process.ts";
import { loadOrigin } from "../../src/api/origin.ts";
import { Proofs } from "../../src/domain/ledger/proofs.ts";
import { Keyring } from "../../src/infra/signing/keyring.ts";
import type { SqliteLedger } from "../../src/infra/sqlite/sqlite-ledger.ts";
import { SqliteTransparencyLog } from "../../src/infra/sqlite/sqlite-transparency-log.ts";
import { verifyLedgerFile } from "../../src/infra/sqlite/verify-ledger.ts";
import { digest } from "../support/digest.ts";
import { context } from "../support/ledger-samples.ts";
import { openLedger } from "../support/sqlite-ledger.ts";
import { multiplyLedger } from "./multiply-ledger.ts";
import { actorOf, ask, askedOf, FILTERS, ROWS, type Filter } from "./questions.ts";
import { reportOf } from "./report-cost.ts";
import { median, percentile, timed } from "./support.ts";
import { syntheticHistory } from "./synthetic.ts";

/*
 * One large ledger in a service's data directory, made by and by, and what is asked of it. The
 * directory stays: remove it yourself (10 million events: about 12 GB).
 * node dist/test/bench/scale.js DIR fill EVENTS     appends until there are so many
 * node dist/test/bench/scale.js DIR multiply EVENTS the same events again and again until there are so many: good for
 *                                                   questions and proofs alone
 * node dist/test/bench/scale.js DIR questions       filtered audit queries, p50 and p99
 * node dist/test/bench/scale.js DIR proofs          proof files; verification of a little more
 * node dist/test/bench/scale.js DIR verify          everything, against the replay floor
 * node dist/test/bench/scale.js DIR report RUNS     of the newest runs, against reading the period
 * node dist/test/bench/scale.js DIR start ROUNDS    ready, against an empty ledger
 */
const [directory, what, argument = "0"] = process.argv.slice(2) as [string, string, string?];
const data = join(directory, "full", "data");
const file = join(data, "ledger.db");
const tileCache = join(data, "tiles", "1");
const APPENDS_AT_ONCE = 64;
const SHAPE = { databases: 100, migrations: 50 };
const ROUNDS = 5;
/** How many events of the history are in the ledger. */
const mark = join(directory, "appended");

/** Where anybody's statement finds an index that has its answer in order: else the planner sorts. */
const isPlain = ({ stream, actor, types }: Filter): boolean =>
  stream === undefined &&
  (actor === undefined || types === undefined) &&
  (types?.length ?? 1) === 1;

const STAGES: { readonly [name: string]: () => Promise<void> } = {
  fill: () => fill(Number(argument)),
  multiply: async () => multiplyLedger(file, join(data, "search.db"), Number(argument)),
  questions,
  proofs,
  verify,
  report: () => report(Number(argument)),
  start: () => start(Number(argument)),
};
const stage = STAGES[what];
if (stage === undefined) throw new Error(`${what} is none of ${Object.keys(STAGES).join(", ")}`);
await stage();

async function open(): Promise<{ ledger: SqliteLedger; keys: readonly string[] }> {
  const keys = join(data, "keys");
  const signers = await Keyring.open(keys, await loadOrigin(join(keys, "origin")), digest);
  signers.use([signers.firstVerifierKey]);
  return { ledger: openLedger(file, { signers }), keys: [signers.firstVerifierKey] };
}

async function ready(on: string): Promise<number> {
  let stop = async (): Promise<void> => {};
  const took = await timed(async () => {
    const service = await startServiceProcess(on);
    stop = () => service.stop();
  });
  await stop();
  return took;
}

async function fill(total: number): Promise<void> {
  if (!existsSync(file)) {
    mkdirSync(join(directory, "full"), { recursive: true });
    await ready(join(directory, "full"));
  }
  const { ledger } = await open();
  let { size } = await ledger.head();
  const first = size;
  let appended = 0;
  let skip = existsSync(mark) ? Number(readFileSync(mark, "utf8")) : 0;
  const began = performance.now();
  let group: Promise<unknown>[] = [];
  for (const { stream, events } of syntheticHistory(SHAPE)) {
    if (size >= total) break;
    appended += events.length;
    if (skip > 0) {
      skip -= events.length;
      continue;
    }
    const actor = { id: actorOf(Number(stream.replace(/\D/g, "")) % 2), kind: "user" } as const;
    const run = events.find((one) => one.type === "RunRequested")?.data as { runId: string };
    const own = context({ actor, correlation: run.runId });
    group.push(ledger.append({ stream, expected: "any", events, context: own }));
    size += events.length;
    if (group.length < APPENDS_AT_ONCE) continue;
    await Promise.all(group);
    group = [];
  }
  await Promise.all(group);
  writeFileSync(mark, String(appended));
  const seconds = (performance.now() - began) / 1000;
  console.log(`${size - first} events appended, ${((size - first) / seconds).toFixed(0)} a second`);
  const index = ledger.searchWith(join(data, "search.db"));
  const indexing = await timed(async () => {
    while (index.size < size) await new Promise((resolve) => setTimeout(resolve, 20));
  });
  console.log(
    `indexed for searching in ${(indexing / 1000).toFixed(1)} s; ledger ${mib("ledger.db")} MiB, search ${mib("search.db")} MiB`,
  );
  await ledger.close();
}

async function questions(): Promise<void> {
  const { ledger } = await open();
  ledger.searchWith(join(data, "search.db"));
  const { size } = await ledger.head();
  console.log(`${size} events`);
  const db = new Sqlite(file, { readonly: true });
  for (const [name, filter] of Object.entries(FILTERS)) {
    const ours = bestOf(ROUNDS, () => ask(ledger, filter, size));
    const [p50, p99] = [percentile(ours, 0.5), percentile(ours, 0.99)];
    const floor = isPlain(filter)
      ? bestOf(ROUNDS, () => askedOf(size, bareQuestion(db, filter)))
      : [];
    const bare =
      floor.length === 0
        ? ""
        : `; bare statement ${percentile(floor, 0.5).toFixed(2)} and ${percentile(floor, 0.99).toFixed(2)} ms`;
    console.log(`  ${name.padEnd(28)} p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms${bare}`);
  }
  db.close();
  await ledger.close();
}

/** What each question takes at its best: other work on the machine is not the question's. */
function bestOf(rounds: number, times: () => readonly number[]): number[] {
  const best: number[] = [];
  for (let round = 0; round < rounds; round += 1)
    for (const [at, time] of times().entries()) best[at] = Math.min(best[at] ?? time, time);
  return best;
}

/** The question as anybody would write it, with the planner's choice of an index. */
function bareQuestion(db: Sqlite.Database, { stream, actor, types }: Filter) {
  const where = [
    ...(stream === undefined ? [] : ["e.stream = @stream"]),
    ...(actor === undefined ? [] : ["e.actor = @actor"]),
    ...(types === undefined ? [] : [`e.type IN (${types.map((type) => `'${type}'`).join(", ")})`]),
  ];
  const statement = (sign: string, order: string): Sqlite.Statement<object[]> =>
    db.prepare(
      `SELECT e.*, p.data FROM event e JOIN payload p ON p.idx = e.idx
       WHERE ${[...where, `e.idx ${sign} @after`].join(" AND ")} ORDER BY e.idx ${order} LIMIT ${ROWS}`,
    );
  const both = { asc: statement(">", "asc"), desc: statement("<", "desc") };
  return (after: number, order: "asc" | "desc") => both[order].all({ stream, actor, after });
}

async function proofs(): Promise<void> {
  const { ledger, keys } = await open();
  const { size } = await ledger.head();
  const cache = { file: tileCache, readOnly: false };
  const log = new SqliteTransparencyLog({ file, origin: ledger.origin, cache, digest });
  const first = await timed(() => log.rootAt(size));
  const prover = new Proofs(ledger, log, digest);
  await prover.fileOf(0);
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1)
    for (let n = 0; n < 500; n += 1) {
      const took = await timed(() => prover.fileOf((n * 7_919_993) % size));
      times[n] = Math.min(times[n] ?? took, took);
    }
  console.log(
    `proof files at ${size}: median ${median(times).toFixed(2)} ms, p99 ${percentile(times, 0.99).toFixed(2)} ms; ` +
      `tile hashes taken up in ${first.toFixed(0)} ms`,
  );
  const root = await log.rootAt(size);
  const since = { size: size - 1000, root: await log.rootAt(size - 1000), name: "kept" };
  const options = { digest, verifierKeys: keys, wholeFile: false, tileCache };
  const part = await timed(() => verifyLedgerFile(file, { ...options, since }));
  console.log(`verification of 1,000 events more than a kept checkpoint: ${part.toFixed(0)} ms`);
  if (root.length !== 32) throw new Error("No root");
  await log.close();
  await ledger.close();
}

async function verify(): Promise<void> {
  const { ledger, keys } = await open();
  const { size } = await ledger.head();
  await ledger.checkpoint();
  await ledger.close();
  const floor = await timed(() => selectAndParse(size));
  const options = { digest, verifierKeys: keys, wholeFile: false, tileCache };
  for (const workers of [0, 2]) {
    const took = await timed(async () => {
      const { ok, checkedEvents } = await verifyLedgerFile(file, { ...options, workers });
      if (!ok || checkedEvents !== size) throw new Error("The verification is wrong");
    });
    console.log(
      `verification of ${size} events with ${workers} workers: ${(floor / took).toFixed(2)} of the replay floor ` +
        `(${(floor / 1000).toFixed(1)} s, ${(took / 1000).toFixed(1)} s)`,
    );
  }
}

async function report(runs: number): Promise<void> {
  const { ledger } = await open();
  ledger.searchWith(join(data, "search.db"));
  console.log(await reportOf(ledger, runs));
  await ledger.close();
}

async function start(rounds: number): Promise<void> {
  const [empty, full] = [join(directory, "empty"), join(directory, "full")];
  mkdirSync(empty, { recursive: true });
  await ready(empty);
  const anew = await ready(full);
  console.log(`the first start: ${(anew / 1000).toFixed(1)} s`);
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const floor = await ready(empty);
    const ours = await ready(full);
    ratios.push(ours / floor);
    console.log(`empty ${floor.toFixed(0)} ms, full ${ours.toFixed(0)} ms`);
  }
  console.log(`start with a current projection: ${median(ratios).toFixed(2)} x an empty ledger`);
}

/** The replay floor: every row of both tables, its payload parsed, a trivial fold. */
function selectAndParse(size: number): void {
  const db = new Sqlite(file, { readonly: true });
  const rows = db
    .prepare(
      `SELECT idx, id, stream, stream_pos, type, v, time, actor, actor_kind, correlation, causation,
         leaf_hash, data FROM event JOIN payload USING (idx) ORDER BY idx`,
    )
    .iterate() as IterableIterator<{ stream: string; stream_pos: number; data: string }>;
  const streams = new Map<string, number>();
  let events = 0;
  for (const row of rows) {
    const payload = JSON.parse(row.data) as { data: object };
    streams.set(row.stream, row.stream_pos);
    if ("data" in payload) events += 1;
  }
  db.close();
  if (events !== size) throw new Error("The floor missed events");
}

function mib(name: string): string {
  return (statSync(join(data, name)).size / 2 ** 20).toFixed(0);
}
