import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../src/domain/shared/clock.ts";
import type { Role } from "../../src/domain/service/events.ts";
import { readConfig, type RawConfig } from "../../src/api/config.ts";
import { startService, type RunningService, type ServiceOptions } from "../../src/api/service.ts";
import type { LogRecord } from "../../src/infra/telemetry/logger.ts";

// Tests look into answers of every shape; what they find is compared, never trusted.
// The member type is that of JSON.parse.
type Json = ReturnType<typeof JSON.parse>;

/** An answer, read to its end. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The JSON body. */
  readonly body: Json;
}

export interface Ask {
  readonly token?: string | null;
  readonly headers?: { readonly [name: string]: string };
  readonly body?: unknown;
  /** Sent as it is. */
  readonly raw?: string | Uint8Array<ArrayBuffer>;
}

/** The whole service on a directory of its own, as tests talk to it. */
export class TestService {
  readonly directory: string;
  /** What was written to the log as a warning or an error. */
  readonly logged: LogRecord[] = [];
  /** Everything that was written to it, if it takes everything. */
  readonly diary: LogRecord[] = [];
  token = "";
  /** Most tests are of something else. */
  ledgerBackupDelayMs: number | null = null;
  /** In place of the machine's. */
  clock: Clock | undefined;
  #service: RunningService | undefined;
  readonly #more: Partial<RawConfig>;
  readonly #options: ServiceOptions;

  private constructor(directory: string, more: Partial<RawConfig>, options: ServiceOptions) {
    this.directory = directory;
    this.#more = more;
    this.#options = options;
  }

  /** `more`: what the service is started with beside its directories; `options`: what tests alone say. */
  static async start(
    more: Partial<RawConfig> = {},
    clock?: Clock,
    options: ServiceOptions = {},
  ): Promise<TestService> {
    const directory = await mkdtemp(join(tmpdir(), "schemaledger-api-"));
    const service = new TestService(directory, more, options);
    service.clock = clock;
    await mkdir(service.databases);
    await service.restart();
    return service;
  }

  /** Where managed databases may lie. */
  get databases(): string {
    return join(this.directory, "databases");
  }

  get data(): string {
    return join(this.directory, "data");
  }

  get url(): string {
    return this.#service!.url;
  }

  /** `settings`: what is not as usual. */
  async restart(settings: Partial<RawConfig> = {}): Promise<void> {
    await this.#service?.close();
    this.#service = undefined;
    const { data, databases } = this;
    const { auditReads } = this.#more;
    const usual = { data, host: "127.0.0.1", port: 0, roots: [databases] };
    const wanted = readConfig({ ...this.#more, ...usual, ...settings });
    // Tests count events: their own reading is not to add any.
    const config = auditReads === undefined ? { ...wanted, auditReads: "none" as const } : wanted;
    this.#service = await startService(config, {
      log: (record) => {
        this.diary.push(record);
        if (record.level === "warn" || record.level === "error") this.logged.push(record);
      },
      ledgerBackupDelayMs: this.ledgerBackupDelayMs,
      ...(this.clock === undefined ? {} : { clock: this.clock }),
      ...this.#options,
    });
    this.token = (await readFile(this.#service.adminKeyFile, "utf8")).trim();
  }

  /** Stops it and keeps its files. */
  async halt(): Promise<void> {
    await this.#service?.close();
    this.#service = undefined;
  }

  async stop(): Promise<void> {
    await this.halt();
    await rm(this.directory, { recursive: true, force: true });
  }

  async ask(method: string, path: string, ask: Ask = {}): Promise<Reply> {
    const { token = this.token, headers = {}, body, raw } = ask;
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(raw === undefined ? {} : { body: raw }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get("content-type") ?? "") && text !== "";
    const parsed = isJson && !text.includes("}\n{") ? JSON.parse(text) : {};
    return { status: response.status, headers: response.headers, text, body: parsed };
  }

  get(path: string, ask: Ask = {}): Promise<Reply> {
    return this.ask("GET", path, ask);
  }

  post(path: string, body: unknown = {}, ask: Ask = {}): Promise<Reply> {
    return this.ask("POST", path, { ...ask, body });
  }

  async tokenFor(role: Role): Promise<string> {
    return (await this.post("/v1/keys", { name: `the ${role}`, roles: [role] })).body["token"];
  }

  async register(name: string): Promise<Reply> {
    const url = join(this.databases, `${name}.db`);
    return this.post("/v1/databases", { name, engine: "sqlite", url, create: true });
  }

  /** Number of events that say more than who asked: what a refused request must not change. */
  async facts(): Promise<number> {
    const { body } = await this.get("/v1/audit/events?order=desc&limit=1000");
    const asked = new Set(["AccessRefused", "KeyUsed"]);
    return body["items"].filter(({ type }: { type: string }) => !asked.has(type)).length;
  }

  /** Number of events in the ledger. */
  async size(): Promise<number> {
    const { body } = await this.get("/v1/audit/events?order=desc&limit=1");
    return body["items"][0].index + 1;
  }
}
