import { execFile, spawn, type ChildProcess } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

/*
 * A real object storage service: Ceph's gateway over one monitor and one store in memory, on
 * loopback, in a directory of its own. Started by the first test of a process that needs it (in about
 * two seconds), and gone with the process. Debian: ceph-mon ceph-osd radosgw ceph-common.
 */

const run = promisify(execFile);
const NEEDED = ["monmaptool", "ceph-mon", "ceph", "ceph-osd", "radosgw", "radosgw-admin"];
/** However a test process ends: longer than any takes. */
const LIFETIME_S = "1200";
const UP_WITHIN_MS = 25_000;

export interface ObjectService {
  readonly endpoint: string;
  readonly port: number;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Access keys that may do nothing with the first user's buckets. */
  readonly stranger: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

const pathOf = (program: string): string | undefined =>
  (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((directory) => join(directory, program))
    .find((path) => existsSync(path));

/** Why there is none here; undefined: there is one. */
export function whyNoObjectService(): string | undefined {
  const missing = NEEDED.filter((program) => pathOf(program) === undefined);
  return missing.length === 0
    ? undefined
    : `${missing.join(", ")} not installed (Debian: ceph-mon ceph-osd radosgw ceph-common)`;
}

let started: Promise<ObjectService> | undefined;

/** The service of this process; skips what asks for it where there is none. */
export async function objectService(test: Mocha.Context): Promise<ObjectService> {
  const why = whyNoObjectService();
  if (why !== undefined) {
    console.log(`      skipped: ${why}`);
    test.skip();
  }
  started ??= start();
  return started;
}

async function start(): Promise<ObjectService> {
  const directory = mkdtempSync(join(tmpdir(), "schemaledger-rgw-"));
  const children: ChildProcess[] = [];
  process.once("exit", () => {
    for (const child of children) child.kill("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  });
  const [monitor, gateway] = [await freePort(), await freePort()];
  const config = join(directory, "ceph.conf");
  const fsid = randomUUID();
  writeFileSync(config, configOf(directory, fsid, monitor, gateway));
  for (const folder of ["mon", "osd", "run"]) mkdirSync(join(directory, folder));
  const daemon = (program: string, ...args: string[]): void => {
    const [command, before] = mortal();
    const log = openSync(join(directory, `${program}.out`), "w");
    const child = spawn(
      command,
      [...before, program, ...args, "-f", "--no-mon-config", "-c", config],
      { stdio: ["ignore", log, log] },
    );
    child.unref();
    children.push(child);
  };
  const map = join(directory, "monmap");
  await run("monmaptool", [
    "--create",
    "--fsid",
    fsid,
    "--addv",
    "a",
    `[v2:127.0.0.1:${monitor}]`,
    map,
  ]);
  await run("ceph-mon", ["-i", "a", "--mkfs", "--monmap", map, "-c", config]);
  daemon("ceph-mon", "-i", "a");
  const osd = randomUUID();
  await run("ceph", ["-c", config, "--connect-timeout", "20", "osd", "new", osd]);
  await run("ceph-osd", ["-i", "0", "--no-mon-config", "--mkfs", "--osd-uuid", osd, "-c", config]);
  daemon("ceph-osd", "-i", "0");
  daemon("radosgw", "-n", "client.rgw");
  await up(gateway, directory);
  const keys = { accessKeyId: "TESTKEY", secretAccessKey: randomBytes(20).toString("hex") };
  const stranger = { accessKeyId: "STRANGER", secretAccessKey: randomBytes(20).toString("hex") };
  for (const { accessKeyId, secretAccessKey } of [keys, stranger])
    await run("radosgw-admin", [
      "-n",
      "client.rgw",
      "--no-mon-config",
      "-c",
      config,
      "user",
      "create",
      `--uid=${accessKeyId}`,
      "--display-name=test",
      `--access-key=${accessKeyId}`,
      `--secret-key=${secretAccessKey}`,
    ]);
  return { endpoint: `http://127.0.0.1:${gateway}`, port: gateway, ...keys, stranger };
}

/** How to start a program that ends with this process, or at last by itself. */
function mortal(): [string, string[]] {
  const bounded = ["timeout", "--signal=KILL", LIFETIME_S];
  if (pathOf("setpriv") === undefined) return [bounded[0]!, bounded.slice(1)];
  // Whoever is told dies with its parent; so the bound comes first.
  return ["setpriv", ["--pdeathsig", "KILL", ...bounded, "setpriv", "--pdeathsig", "KILL"]];
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { readonly port: number };
      server.close(() => resolve(port));
    });
  });
}

/** Answers connections; with what, the first request will show. */
async function up(port: number, directory: string): Promise<void> {
  const until = Date.now() + UP_WITHIN_MS;
  while (!(await isListening(port))) {
    if (Date.now() > until) {
      const said = readFileSync(join(directory, "radosgw.out"), "utf8").slice(-2000);
      throw new Error(`The object service did not come up: ${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** One of everything, nothing on disk but the monitor's maps, and no waiting for others. */
const configOf = (
  directory: string,
  fsid: string,
  monitor: number,
  gateway: number,
): string => `[global]
fsid = ${fsid}
mon host = v2:127.0.0.1:${monitor}
mon initial members = a
auth cluster required = none
auth service required = none
auth client required = none
# The gateway wants to speak to the monitor in secrecy, which needs keys: without this it waits for 25 s.
ms mon client mode = crc secure
ms bind msgr1 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 4294967296
osd memory target = 1073741824
mon allow pool size one = true
mon max pg per osd = 2000
mon data avail crit = 0
mon data avail warn = 0
mon tick interval = 0.5
paxos propose interval = 0.01
paxos min wait = 0.005
log file = ${directory}/$name.log
admin socket = ${directory}/run/$name.$pid.asok
run dir = ${directory}/run
mon data = ${directory}/mon
osd data = ${directory}/osd
pid file =
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:${gateway} tcp_nodelay=1
rgw enable apis = s3
rgw enable ops log = false
rgw enable usage log = false
rgw enable gc threads = false
rgw enable lc threads = false
rgw enable quota threads = false
rgw run sync thread = false
rgw dynamic resharding = false
`;
