import Sqlite from "better-sqlite3";
import { copyFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { RestClient } from "../../src/cli/demo/rest-client.ts";
import { LARGE_STEPS, makeLarge } from "./large-database.ts";
import { median, timed, withService } from "./support.ts";

// A rebuild and a backfill of a large table through REST (backup, verification, checks; with and
// without rehearsal) against a bare better-sqlite3 loop with synchronous=FULL on the same file.
// node dist/test/bench/large.js [rows] [rounds]     10,000,000 rows make about 1 GiB

const ROWS = Number(process.argv[2] ?? 10_000_000);
const ROUNDS = Number(process.argv[3] ?? 3);

function bare(file: string, sql: string): void {
  const db = new Sqlite(file);
  db.pragma("synchronous = FULL");
  db.pragma("foreign_keys = OFF");
  db.transaction(() => db.exec(sql))();
  db.close();
}

let runs = 0;

async function through(
  client: RestClient,
  file: string,
  up: string,
  rehearse: boolean,
): Promise<number> {
  const name = `large-${runs++}`;
  const base = `/v1/databases/${name}`;
  await client.post("/v1/databases", { name, engine: "sqlite", url: file });
  await client.post(`${base}/migrations`, { migrations: [{ version: "1", name: "large", up }] });
  return timed(async () => {
    const { id } = await client.post(`${base}/runs`, { rehearse });
    const ended = await client.until(
      `/v1/runs/${String(id)}?wait=60`,
      (run) => run["endedAt"] !== null,
    );
    if (ended["status"] !== "succeeded") throw new Error(JSON.stringify(ended["error"]));
  });
}

await withService(async ({ client }, directory) => {
  const original = join(directory, "original.db");
  makeLarge(original, ROWS);
  console.log(`${ROWS} rows, ${(statSync(original).size / 2 ** 20).toFixed(0)} MiB`);
  const file = join(directory, "work.db");
  const fresh = (): void => {
    for (const side of ["", "-wal", "-shm"]) rmSync(file + side, { force: true });
    copyFileSync(original, file);
  };
  for (const [kind, sql] of Object.entries(LARGE_STEPS)) {
    const ratios: { plain: number[]; rehearsed: number[] } = { plain: [], rehearsed: [] };
    for (let round = 0; round < ROUNDS; round++) {
      fresh();
      const floor = await timed(() => bare(file, sql));
      const copy = (what: string): string => {
        const path = join(directory, `${kind}-${round}-${what}.db`);
        copyFileSync(original, path);
        return path;
      };
      const plain = copy("plain");
      ratios.plain.push((await through(client, plain, sql, false)) / floor);
      rmSync(plain);
      const rehearsed = copy("rehearsed");
      ratios.rehearsed.push((await through(client, rehearsed, sql, true)) / floor);
      rmSync(rehearsed);
      console.log(
        `  ${kind}: bare ${(floor / 1000).toFixed(1)} s, round ${round + 1} of ${ROUNDS}`,
      );
    }
    console.log(
      `${kind.padEnd(9)} rehearsal off ${median(ratios.plain).toFixed(2)} x, ` +
        `everything on ${median(ratios.rehearsed).toFixed(2)} x the bare loop`,
    );
  }
});
