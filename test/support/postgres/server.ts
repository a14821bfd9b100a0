import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { type Major, SERVER_USER, serverPrograms } from "./programs.ts";

const SETTINGS = {
  listen_addresses: "127.0.0.1",
  shared_buffers: "16MB",
  max_connections: "150",
  log_min_messages: "warning",
  autovacuum: "off",
};
/** Of clusters that need not outlive a crash of the machine. */
const FLEETING = { fsync: "off", synchronous_commit: "off", full_page_writes: "off" };

export interface ServerOptions {
  /** True: commits reach the disk, as crash tests need it. */
  readonly durable?: boolean;
  readonly settings?: { readonly [name: string]: string };
}

/** A PostgreSQL server of its own: a new cluster on loopback, superuser `postgres`, no password. */
export class PostgresServer {
  readonly major: Major;
  readonly port: number;
  readonly #directory: string;
  readonly #settings: { readonly [name: string]: string };
  #process: ChildProcess | undefined;
  #databases = 0;

  private constructor(major: Major, port: number, options: ServerOptions) {
    this.major = major;
    this.port = port;
    this.#directory = mkdtempSync(join(tmpdir(), "schemaledger-pg-"));
    if (SERVER_USER) chownSync(this.#directory, SERVER_USER.uid, SERVER_USER.gid);
    this.#settings = {
      ...SETTINGS,
      ...(options.durable ? {} : FLEETING),
      unix_socket_directories: this.#directory,
      ...options.settings,
    };
  }

  static async start(major: Major, options: ServerOptions = {}): Promise<PostgresServer> {
    const server = new PostgresServer(major, await freePort(), options);
    process.on("exit", () => server.#removeLater());
    server.#initialise();
    await server.start();
    return server;
  }

  url(database = "postgres"): string {
    return `postgres://postgres@127.0.0.1:${this.port}/${database}`;
  }

  /** Creates an empty database (or a copy of `template`) and answers its url. */
  async createDatabase(template?: string): Promise<string> {
    const name = `t${process.pid}_${(this.#databases += 1)}`;
    await this.query(`CREATE DATABASE ${name}${template ? ` TEMPLATE ${template}` : ""}`);
    return this.url(name);
  }

  /** Runs one statement on a connection of its own. */
  async query(sql: string, url = this.url()): Promise<pg.QueryResult> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return await client.query(sql);
    } finally {
      await client.end();
    }
  }

  /** A connection of its own; whoever asks ends it. */
  async client(url = this.url()): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: url });
    client.on("error", () => undefined);
    await client.connect();
    return client;
  }

  /** Process id of the postmaster. */
  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error("the server does not run");
    return pid;
  }

  /** Starts it (again) and waits until it answers. */
  async start(): Promise<void> {
    const settings = Object.entries(this.#settings).flatMap(([k, v]) => ["-c", `${k}=${v}`]);
    const postgres = join(serverPrograms(this.major), "postgres");
    const args = ["-D", this.#data, "-p", String(this.port), ...settings];
    this.#process = spawnDying(postgres, args);
    await this.#answers();
  }

  /** `SIGQUIT`: as after a crash, the next start recovers. `SIGINT`: in order, connections cut. */
  async stop(signal: "SIGINT" | "SIGQUIT" | "SIGKILL" = "SIGINT"): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    this.#process = undefined;
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }

  /** Stops it and removes its cluster. */
  async dispose(): Promise<void> {
    await this.stop("SIGQUIT");
    rmSync(this.#directory, { recursive: true, force: true });
  }

  get #data(): string {
    return join(this.#directory, "data");
  }

  #initialise(): void {
    const args = ["-D", this.#data, "-A", "trust", "-U", "postgres", "-E", "UTF8"];
    const initdb = join(serverPrograms(this.major), "initdb");
    const made = spawnSync(initdb, [...args, "--locale=C", "--no-sync"], {
      ...SERVER_USER,
      cwd: this.#directory,
      encoding: "utf8",
    });
    if (made.status !== 0) throw new Error(`initdb: ${made.stderr || String(made.error)}`);
  }

  async #answers(): Promise<void> {
    const deadline = Date.now() + 20_000;
    for (;;) {
      try {
        await this.query("SELECT 1");
        return;
      } catch (error) {
        if (this.#process?.exitCode !== null || Date.now() > deadline) throw error;
        await pause(20);
      }
    }
  }

  /** When the tests' process ends nobody can wait for the server any more: a shell does, 10 s long. */
  #removeLater(): void {
    const script =
      "for i in $(seq 100); do kill -0 $0 2>/dev/null || break; sleep 0.1; done; rm -rf $1";
    const pid = this.#process?.pid;
    this.#process?.kill("SIGQUIT");
    if (!existsSync(this.#directory)) return;
    const args = ["-c", script, String(pid ?? "none"), this.#directory];
    spawn("sh", args, { stdio: "ignore", detached: true }).unref();
  }
}

/** The server of this process for all tests that only need databases of their own. */
export function postgresServer(major: Major): Promise<PostgresServer> {
  let server = shared.get(major);
  if (server === undefined) {
    server = PostgresServer.start(major);
    shared.set(major, server);
  }
  return server;
}
const shared = new Map<Major, Promise<PostgresServer>>();

/** The same with a cluster that keeps what was committed, as services demand it of their ledger's. */
export function durableServer(major: Major): Promise<PostgresServer> {
  let server = durable.get(major);
  if (server === undefined) {
    server = PostgresServer.start(major, { durable: true });
    durable.set(major, server);
  }
  return server;
}
const durable = new Map<Major, Promise<PostgresServer>>();

/** Ends the shared servers; the next who asks gets a new one. */
export async function stopPostgresServers(): Promise<void> {
  const servers = [...shared.values(), ...durable.values()];
  shared.clear();
  durable.clear();
  for (const server of servers) await (await server).dispose();
}

/** A server that does not outlive the tests, even when they are killed (Linux). */
function spawnDying(program: string, args: readonly string[]): ChildProcess {
  const dying = existsSync("/usr/bin/setpriv");
  const command = dying ? "/usr/bin/setpriv" : program;
  const all = dying ? ["--pdeathsig", "QUIT", "--", program, ...args] : [...args];
  const child = spawn(command, all, { ...SERVER_USER, stdio: "ignore", cwd: "/" });
  child.unref();
  return child;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
