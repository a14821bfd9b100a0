import assert from "node:assert/strict";
import Database from "better-sqlite3";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { EventType } from "../../src/domain/events.ts";
import type { Api, AuditEvent } from "../support/chaos/api.ts";
import { unsettled } from "../support/chaos/assert-consistent.ts";
import type { CrashPoint } from "../support/chaos/crash-service.ts";
import { extent } from "../support/chaos/extent.ts";
import { eachMode } from "../support/chaos/modes.ts";
import { contentDigest } from "../support/chaos/story.ts";
import { isGone } from "../support/chaos/stories.ts";
import type { World } from "../support/chaos/world.ts";

/** Ways of restoring the state before the second run; of `copy.db` in the world's root. */
const KINDS = {
  whole: {},
  offline: { method: "offline" },
  tables: { tables: ["item", "log"], onConflict: "overwrite" },
  file: { target: "copy.db" },
} as const;
type Kind = keyof typeof KINDS;

/** Events before and after whose append the service dies. The safety backup's come second. */
const EVENTS: readonly (readonly [type: EventType, nth: number])[] = [
  ["RestoreRequested", 1],
  ["BackupVerified", 1],
  ["BackupStarted", 1],
  ["BackupCompleted", 1],
  ["BackupVerified", 2],
  ["RestoreStarted", 1],
  ["RestoreCompleted", 1],
];

/** Points at which the executor dies. */
const POINTS: Readonly<Record<Kind, readonly string[]>> = {
  whole: ["restore-before-copy", "restore-after-copy"],
  offline: ["restore-before-copy", "offline-before-rename", "offline-after-rename"],
  tables: ["tables-before-commit", "tables-after-commit"],
  file: ["export-before-publish", "export-after-publish"],
};

/** Of each way that is new here one point in the short form. */
const SHORT = new Set(["offline-after-rename", "tables-after-commit", "export-before-publish"]);

/** Moments at which service and executors die, ms after the request. */
const MOMENTS = Array.from({ length: 12 }, (_, n) => 40 + n * 45);

const digestOf = (file: string): string => {
  const db = new Database(file, { readonly: true });
  try {
    return contentDigest(db);
  } finally {
    db.close();
  }
};

async function ask(api: Api, world: World, kind: Kind): Promise<void> {
  const { items } = await api.need(api.get<{ items: { id: string }[] }>("/v1/runs"));
  const order = KINDS[kind];
  const target = "target" in order ? { target: join(world.root, order.target) } : {};
  const body = { beforeRun: items[0]!.id, reason: "test", ...order, ...target };
  await api.need(api.post("/v1/databases/app/restores", body));
}

const ends = (events: readonly AuditEvent[]): number =>
  events.filter(({ type }) => type === "RestoreCompleted" || type === "RestoreFailed").length;

/** Asks and waits; that the service dies meanwhile is what the test is about. */
async function play(api: Api, world: World, kind: Kind): Promise<void> {
  try {
    await ask(api, world, kind);
    await api.until((events) => ends(events) === 1);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** What a restore that nothing disturbs makes of the world. */
async function undisturbed(world: World, kind: Kind): Promise<string> {
  const { api, close } = await world.serve();
  await play(api, world, kind);
  const events = await api.events();
  const last = events.find(({ type }) => type === "RestoreCompleted");
  assert.ok(last !== undefined, JSON.stringify(events.at(-1)));
  await close();
  return digestOf(kind === "file" ? join(world.root, "copy.db") : world.database);
}

/** Old or new, as the ledger says, with nothing left over; and a restore can be made again. */
async function assertOldOrNew(world: World, kind: Kind, before: string, after: string) {
  const { api, close } = await world.serve();
  const events = await api.until((all) => {
    const asked = all.filter(({ type }) => type === "RestoreRequested").length;
    return asked === ends(all);
  });
  assert.deepEqual(unsettled(events), []);
  const done = events.some(({ type }) => type === "RestoreCompleted");
  const copy = join(world.root, "copy.db");
  if (kind === "file") {
    assert.equal(digestOf(world.database), before);
    assert.equal(existsSync(copy), done);
    if (done) assert.equal(digestOf(copy), after);
  } else assert.equal(digestOf(world.database), done ? after : before);
  assert.equal(
    world.foreign((db) => db.pragma("integrity_check", { simple: true })),
    "ok",
  );
  const left = readdirSync(world.root).filter((name) => name.startsWith("."));
  assert.deepEqual(left, []);
  assert.equal((await api.need(api.post("/v1/ledger/rebuild")))["identical"], true);
  const shown = await api.need(api.get<{ status: string }>("/v1/databases/app"));
  assert.equal(shown.status, "ready");
  await close();
}

describe("Kills during a restore", function () {
  this.timeout(120_000);
  const { inTurn, whenLong } = eachMode();
  const contents = new Map<string, readonly [before: string, after: string]>();

  async function contentsOf(world: World, kind: Kind): Promise<readonly [string, string]> {
    const key = `${world.mode} ${kind}`;
    const known = contents.get(key) ?? [digestOf(world.database), await undisturbed(world, kind)];
    if (!contents.has(key)) {
      contents.set(key, known as [string, string]);
      await world.reset();
    }
    return known as [string, string];
  }

  async function dying(world: World, kind: Kind, crash: CrashPoint): Promise<void> {
    const [before, after] = await contentsOf(world, kind);
    const service = await world.spawn({ crash });
    await play(service.api, world, kind);
    const { signal } = await service.ended;
    assert.equal(signal, "SIGKILL", `it did not pass ${crash.type}: ${service.stderr}`);
    await assertOldOrNew(world, kind, before, after);
  }

  const kinds = Object.keys(KINDS) as Kind[];
  for (const kind of kinds)
    for (const point of POINTS[kind])
      (SHORT.has(point) ? inTurn : whenLong)(
        `executor dies at ${point} (${kind})`,
        async (world) => {
          const [before, after] = await contentsOf(world, kind);
          const service = await world.serve({ executor: { spare: 0, fault: `${point}:kill` } });
          await play(service.api, world, kind);
          await service.close();
          await assertOldOrNew(world, kind, before, after);
        },
      );

  for (const kind of kinds)
    for (const [type, nth] of EVENTS)
      for (const when of ["before", "after"] as const) {
        // Nothing is backed up before a new file is written.
        const isNever =
          kind === "file" && (type.startsWith("BackupS") || type === "BackupCompleted" || nth > 1);
        const isShort = kind === "tables" && type === "RestoreCompleted" && when === "before";
        if (!isNever)
          (isShort ? inTurn : whenLong)(`service dies ${when} ${type} ${nth} (${kind})`, (world) =>
            dying(world, kind, { when, type, nth }),
          );
      }

  for (const kind of kinds)
    for (const ms of extent(MOMENTS.slice(0, kind === "tables" ? 1 : 0), MOMENTS))
      inTurn(`everything dies ${ms} ms after the request (${kind})`, async (world) => {
        const [before, after] = await contentsOf(world, kind);
        const service = await world.spawn();
        await ask(service.api, world, kind);
        await delay(ms);
        const executors = service.executors();
        await service.kill();
        for (const pid of executors)
          try {
            process.kill(pid, "SIGKILL");
          } catch {
            // It has ended with its service.
          }
        await assertOldOrNew(world, kind, before, after);
      });
});
