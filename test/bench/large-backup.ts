import {
  closeSync,
  copyFileSync,
  fsyncSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import type { Answer, RestClient } from "../../src/cli/demo/rest-client.ts";
import { generate } from "./generate.ts";
import { timed, withService } from "./support.ts";

/*
 * A large database through the service: the first backup, one more after a change, its verification
 * again, a restore online, and into a new file. Times against a copy of the file with fsync, and the most
 * memory that any of the processes took above what it takes when idle.
 * node dist/test/bench/large-backup.js [MiB]
 */
const MIB = Number(process.argv[2] ?? 1024);

/** How often processes are looked at, ms. */
const LOOK = 20;

/** What each kind of process took at most so far, MiB. */
const most = new Map<string, number>();

/** Kinds of processes by what their command line has. */
const KINDS: readonly (readonly [part: string, name: string])[] = [
  ["executor-main", "executor"],
  ["packer-main", "packer"],
  ["main.js serve", "service"],
];

/** Looks at all processes that come from this one; `/proc` knows the most that each has taken. */
function look(): void {
  const parents = new Map<number, number>();
  const found: { pid: number; name: string; mib: number }[] = [];
  for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name)))
    try {
      const status = readFileSync(`/proc/${entry}/status`, "utf8");
      const pid = Number(entry);
      parents.set(pid, Number(/PPid:\s+(\d+)/.exec(status)?.[1]));
      const command = readFileSync(`/proc/${entry}/cmdline`, "utf8").replaceAll("\0", " ");
      const name = KINDS.find(([part]) => command.includes(part))?.[1];
      const mib = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
      if (name !== undefined) found.push({ pid, name, mib });
    } catch {
      // It ended between the listing and the look at it.
    }
  const isOurs = (pid: number | undefined): boolean =>
    pid !== undefined && pid > 1 && (pid === process.pid || isOurs(parents.get(pid)));
  for (const { pid, name, mib } of found)
    if (isOurs(pid)) most.set(name, Math.max(most.get(name) ?? 0, mib));
}

async function ended(
  client: RestClient,
  path: string,
  statuses: readonly string[],
): Promise<Answer> {
  for (;;) {
    const answer = await client.get(path);
    const status = String(answer["status"]);
    if (statuses.includes(status)) return answer;
    if (status === "failed" || status === "verification-failed")
      throw new Error(JSON.stringify(answer));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

await withService(async ({ client }, directory) => {
  const file = join(directory, "app.db");
  generate(file, MIB);
  const { size } = statSync(file);
  const copy = (): Promise<number> =>
    timed(() => {
      const to = join(directory, "copy");
      copyFileSync(file, to);
      const fd = openSync(to, "r");
      fsyncSync(fd);
      closeSync(fd);
      rmSync(to);
    });
  const floor = Math.min(await copy(), await copy());
  console.log(`${(size / 2 ** 20).toFixed(0)} MiB; a copy takes ${(floor / 1000).toFixed(2)} s`);
  await client.post("/v1/databases", { name: "app", engine: "sqlite", url: file });
  look();
  const idle = new Map(most);
  const timer = setInterval(look, LOOK);
  const report = (what: string, ms: number): void => {
    const memory = [...most].map(
      ([name, mib]) =>
        `${name} ${mib.toFixed(0)}${idle.has(name) ? ` (idle ${idle.get(name)!.toFixed(0)})` : ""}`,
    );
    console.log(
      `${what.padEnd(34)} ${(ms / 1000).toFixed(2).padStart(7)} s  ${(ms / floor).toFixed(2)} x the copy; MiB so far: ${memory.join(", ")}`,
    );
  };
  const backUp = async (what: string): Promise<string> => {
    const began = performance.now();
    const { id } = await client.post("/v1/databases/app/backups");
    const path = `/v1/backups/${String(id)}`;
    await ended(client, path, ["completed", "verified"]);
    report(`${what}: stored`, performance.now() - began);
    await ended(client, path, ["verified"]);
    report(`${what}: stored and verified`, performance.now() - began);
    return String(id);
  };
  const id = await backUp("first backup");
  await backUp("nothing changed");
  for (const [what, more] of [
    ["restore into a new file", { target: join(directory, "new.db") }],
    ["restore offline (safety backup, all)", { method: "offline" }],
    ["restore online (safety backup, all)", {}],
  ] as const) {
    const began = performance.now();
    const body = { backupId: id, reason: "bench", ...more };
    const restore = await client.post("/v1/databases/app/restores", body);
    await ended(client, `/v1/restores/${String(restore["id"])}`, ["succeeded"]);
    report(what, performance.now() - began);
  }
  clearInterval(timer);
});
