import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import {
  endProcessesAfterEach,
  saying,
  schemaledger,
  type Running,
} from "../support/service-process.ts";
import { TestBucket } from "../support/s3/bucket.ts";
import { MishapProxy, type Asked, type Mishap } from "../support/s3/proxy.ts";
import { objectService, type ObjectService } from "../support/s3/radosgw.ts";

const isLong = process.env["SCHEMALEDGER_CHAOS"] === "long";

/** Where in an upload a process dies, and what becomes of the request. */
interface Point {
  readonly name: string;
  readonly which: (asked: Asked) => boolean;
  /** Of the requests that match. */
  readonly nth: number;
  readonly mishap: Mishap | undefined;
  readonly victim: "service" | "executor";
}

const puts =
  (folder: string) =>
  ({ method, url }: Asked): boolean =>
    method === "PUT" && url.includes(`/${folder}/`);

const HALF: Mishap = { kind: "cut-request", after: 40_000 };
const LOST: Mishap = { kind: "lose-answer" };

const POINTS: readonly Point[] = [
  ...(["service", "executor"] as const).flatMap((victim) => [
    {
      name: `${victim} in the middle of a pack`,
      which: puts("packs"),
      nth: 1,
      mishap: HALF,
      victim,
    },
    { name: `${victim} when a list is put`, which: puts("lists"), nth: 1, mishap: LOST, victim },
  ]),
  {
    name: "service before the manifest",
    which: puts("manifests"),
    nth: 1,
    mishap: { kind: "hang" },
    victim: "service",
  },
  {
    name: "service after the manifest",
    which: puts("manifests"),
    nth: 1,
    mishap: LOST,
    victim: "service",
  },
];

/** Without the long form: one before anything is there, and one when all of it is. */
const SHORT: ReadonlySet<string> = new Set([
  "executor in the middle of a pack",
  "service after the manifest",
]);

describe("processes killed while they put into a bucket", function () {
  this.timeout(60_000);
  endProcessesAfterEach();
  let objects: ObjectService;
  let bucket: TestBucket;
  let proxy: MishapProxy;
  let directory: string;
  let service: Running;
  let url: string;

  before(async function () {
    objects = await objectService(this);
  });
  beforeEach(async () => {
    bucket = await TestBucket.create(objects);
    proxy = await MishapProxy.before(objects);
    directory = mkdtempSync(join(tmpdir(), "schemaledger-s3-kills-"));
    mkdirSync(join(directory, "databases"));
    await startService();
  });
  afterEach(async () => {
    service.child.kill("SIGKILL");
    await service.ended;
    await proxy.close();
    await bucket.dispose();
    rmSync(directory, { recursive: true });
  });

  async function startService(): Promise<void> {
    const { accessKeyId, secretAccessKey } = bucket.keys;
    const env = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
    const data = join(directory, "data");
    const root = join(directory, "databases");
    const place = ["--backups", `s3://${bucket.name}/one`, "--s3-endpoint", proxy.endpoint];
    const args = ["serve", "--data", data, "--root", root, "--port", "0", ...place];
    service = schemaledger(args, { env });
    url = await saying(service, /^listening on (\S+)$/);
  }

  async function ask(path: string, body?: object) {
    const token = readFileSync(join(directory, "data", "keys", "admin.key"), "utf8").trim();
    const response = await fetch(url + path, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return JSON.parse(await response.text());
  }

  async function run(version: string, up: string) {
    const migrations = [{ version, name: `step ${version}`, up }];
    await ask("/v1/databases/shop/migrations", { migrations });
    const { id } = await ask("/v1/databases/shop/runs", {});
    return ask(`/v1/runs/${id}?wait=20`);
  }

  /** Executors of the service, and what they have started. */
  function descendants(pid: number): number[] {
    const children = readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((child) => parentOf(child) === pid);
    return [...children, ...children.flatMap(descendants)];
  }

  const backups = async (): Promise<{ id: string; status: string }[]> =>
    (await ask("/v1/databases/shop/backups")).items;

  for (const point of POINTS.filter(({ name }) => isLong || SHORT.has(name)))
    it(`lose nothing: ${point.name}`, async () => {
      const file = join(directory, "databases", "shop.db");
      await ask("/v1/databases", { name: "shop", engine: "sqlite", url: file, create: true });
      const first = await run("1", "CREATE TABLE a (x); INSERT INTO a VALUES (randomblob(90000))");
      assert.equal(first.status, "succeeded", JSON.stringify(first));
      const [acknowledged] = await backups();
      assert.equal(acknowledged!.status, "verified");
      const db = new Database(file);
      db.exec("INSERT INTO a VALUES (randomblob(200000))");
      db.close();
      let seen = 0;
      proxy.rule = (asked) => {
        if (!point.which(asked) || ++seen !== point.nth) return undefined;
        // A moment later: what is to reach the service has reached it.
        setTimeout(() => {
          const pids = descendants(service.child.pid!);
          if (point.victim === "service") service.child.kill("SIGKILL");
          else for (const pid of pids) process.kill(pid, "SIGKILL");
        }, 100);
        return point.mishap;
      };
      const died = run("2", "CREATE TABLE b (x)").then(
        (ended) => ended,
        () => undefined,
      );
      if (point.victim === "service") {
        await service.ended;
        proxy.rule = () => undefined;
        await startService();
      } else {
        const ended = await died;
        assert.deepEqual([ended.status, ended.outcome], ["failed", "untouched"]);
        proxy.rule = () => undefined;
      }
      await died;
      assert(seen >= point.nth);
      const [interrupted] = (await ask("/v1/runs?database=shop&limit=1")).items;
      const over = await ask(`/v1/runs/${interrupted.id}?wait=20`);
      assert.notEqual(over.status, "running");
      // The one that was acknowledged is there; no other is said to be verified that is not.
      for (const { id, status } of await backups()) {
        if (status !== "verified" && status !== "completed") continue;
        assert.equal(await verified(id), "verified", `${id} was ${status}`);
      }
      assert((await backups()).some(({ id }) => id === acknowledged!.id));
      const again = await run("3", "CREATE TABLE c (x)");
      assert.equal(again.status, "succeeded", JSON.stringify(again));
    });

  /** Verifies it now, and tells its status then. */
  async function verified(id: string): Promise<string> {
    const [newest] = (await ask("/v1/audit/events?limit=1&order=desc")).items;
    await ask(`/v1/backups/${id}/verifications`, {});
    for (;;) {
      const { items } = await ask(`/v1/audit/events?limit=100&order=desc&database=shop`);
      const outcome = items.find(
        ({ type, index, data }: { type: string; index: number; data: { backupId?: string } }) =>
          index > newest.index &&
          /^Backup(Verified|VerificationFailed)$/.test(type) &&
          data.backupId === id,
      );
      if (outcome !== undefined) return (await backups()).find((one) => one.id === id)!.status;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
});

function parentOf(pid: number): number | undefined {
  try {
    return Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  } catch {
    // It has ended meanwhile.
    return undefined;
  }
}
