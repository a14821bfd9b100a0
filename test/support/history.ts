import type { DomainEvent, EventData, EventType, RecordedEvent } from "../../src/domain/events.ts";
import { DEFAULT_POLICY } from "../../src/domain/database/events.ts";
import { fold } from "../../src/domain/state/fold.ts";
import { emptyState, type DatabaseState, type LedgerState } from "../../src/domain/state/state.ts";
import type { StepFacts } from "../../src/domain/migration/events.ts";

export const SHOP = "0190163d-8694-739b-aea5-000000000001";

/** An event by type and data. */
export const event = <T extends EventType>(type: T, data: EventData[T]): DomainEvent =>
  ({ type, data }) as unknown as DomainEvent;

/** Records events in order, all in the stream of the database `shop`. */
export function recorded(events: readonly DomainEvent[]): RecordedEvent[] {
  return events.map(
    (one, index) =>
      ({
        ...one,
        index,
        id: `event-${index}`,
        stream: `database:${SHOP}`,
        streamVersion: index,
        time: `2026-01-02T03:04:${String(index % 60).padStart(2, "0")}.000Z`,
        actor: { id: "act_00000000000000000000000000000001", kind: "user" },
        correlation: "c",
        causation: null,
        context: {},
        leafHash: new Uint8Array(32),
      }) as unknown as RecordedEvent,
  );
}

/** The state after a history. */
export function given(...events: readonly DomainEvent[]): LedgerState & { shop: DatabaseState } {
  const state = emptyState();
  for (const one of recorded(events)) fold(state, one);
  return { ...state, shop: state.databases.get(SHOP)! };
}

export const registered: DomainEvent[] = [
  event("DatabaseRegistered", {
    databaseId: SHOP,
    name: "shop",
    engine: "sqlite",
    url: "/data/shop.db",
    incarnation: "i-1",
    policy: DEFAULT_POLICY,
  }),
  event("SchemaBaselined", {
    fingerprint: "sha256:empty",
    engineVersion: "3.54.1",
    schema: [],
    physical: {
      journalMode: "wal",
      pageSize: 4096,
      pageCount: 1,
      encoding: "UTF-8",
      autoVacuum: 0,
      userVersion: 0,
      applicationId: 0,
    },
  }),
];

/** A registered migration; with a down script unless told otherwise. */
export const migration = (
  version: string,
  down: string | undefined = "sha256:down",
  more: Partial<EventData["MigrationRegistered"]> = {},
): DomainEvent =>
  event("MigrationRegistered", {
    version,
    name: `m${version}`,
    checksum: `sha256:${version}`,
    up: "sha256:up",
    ...(down === undefined ? {} : { down }),
    transaction: "required",
    allow: {},
    ...more,
  });

export const facts = (before: string, after: string): StepFacts => ({
  fingerprintBefore: before,
  fingerprintAfter: after,
  schemaChanges: [],
  rows: [],
  statements: 1,
  durationMs: 5,
  lockMs: 3,
  findings: [],
  rewritings: [],
});

export const runRequested = (
  runId: string,
  versions: readonly string[],
  kind: "migrate" | "rollback" = "migrate",
): DomainEvent =>
  event("RunRequested", {
    runId,
    kind,
    to: versions.at(-1) ?? null,
    steps: versions.map((version) => ({
      version,
      name: `m${version}`,
      checksum: `sha256:${version}`,
      direction: kind === "migrate" ? "up" : "down",
      transaction: "required",
    })),
    planDigest: "sha256:plan",
    rehearse: true,
  });

export const stepStarted = (
  runId: string,
  version: string,
  direction: "up" | "down" = "up",
): DomainEvent =>
  event("StepStarted", {
    runId,
    attempt: `${runId}-${version}-${direction}`,
    version,
    direction,
    name: `m${version}`,
    checksum: `sha256:${version}`,
    planDigest: "sha256:plan",
    transaction: "required",
    position: 1,
    of: 1,
  });

export const stepApplied = (runId: string, version: string): DomainEvent =>
  event("StepApplied", {
    runId,
    attempt: `${runId}-${version}-up`,
    version,
    direction: "up",
    ...facts(`sha256:before-${version}`, `sha256:after-${version}`),
  });

export const applied = (runId: string, ...versions: string[]): DomainEvent[] => [
  runRequested(runId, versions),
  event("RunStarted", { runId, fingerprint: "sha256:x" }),
  ...versions.flatMap((version) => [stepStarted(runId, version), stepApplied(runId, version)]),
  event("RunCompleted", { runId, fingerprint: "sha256:x", durationMs: 1, versions }),
];
