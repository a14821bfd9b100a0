import type {
  DatabaseEngine,
  DatabaseTarget,
  Progress,
  TableBackupResult,
} from "../../domain/engine/database-engine.ts";
import type { RemoteSpan } from "../telemetry/tracing.ts";
import type { WireError } from "./wire-error.ts";

export type EngineMethod = keyof DatabaseEngine;

/** What the service says to an executor child. */
export type ToChild =
  | {
      readonly kind: "open";
      readonly target: DatabaseTarget;
      /** Of the database's user; never recorded or logged. */
      readonly password?: string;
    }
  | {
      readonly kind: "call";
      readonly id: number;
      readonly method: EngineMethod;
      readonly args: readonly unknown[];
      /** W3C: what the call is part of. Absent: nobody traces. */
      readonly traceparent?: string;
    }
  | { readonly kind: "tables-recorded"; readonly id: number; readonly error?: WireError }
  /** The session has ended; the child answers `ready` and waits for another `open`. */
  | { readonly kind: "release" }
  | { readonly kind: "close" };

/** What an executor child says to the service. */
export type ToParent =
  /** Everything is loaded: an `open` will be served at once. */
  | { readonly kind: "ready" }
  | { readonly kind: "opened"; readonly error?: WireError }
  | { readonly kind: "result"; readonly id: number; readonly value?: unknown }
  | { readonly kind: "error"; readonly id: number; readonly error: WireError }
  /** Before the answer to a call that is traced: what was done for it. */
  | {
      readonly kind: "spans";
      readonly traceparent: string;
      readonly spans: readonly RemoteSpan[];
    }
  | { readonly kind: "progress"; readonly progress: Progress }
  /** Answered by `tables-recorded` with the same id. */
  | { readonly kind: "tables-saved"; readonly id: number; readonly saved: TableBackupResult };

const methods: { readonly [method in EngineMethod]: true } = {
  inspect: true,
  install: true,
  schema: true,
  histories: true,
  snapshot: true,
  saveTables: true,
  rawCopy: true,
  verify: true,
  fetch: true,
  rehearse: true,
  applySteps: true,
  beginRecovery: true,
  finishRecovery: true,
  follow: true,
  restore: true,
  restoreTables: true,
  digestOf: true,
  exportCopy: true,
  settleExport: true,
  check: true,
  comparePages: true,
  exercise: true,
  lint: true,
};

/**
 * Methods that execute nothing but the product's own statements: after a session of these the process is
 * as good as new.
 */
export const OWN_STATEMENTS: ReadonlySet<EngineMethod> = new Set<EngineMethod>([
  "inspect",
  "install",
  "schema",
  "snapshot",
  "rawCopy",
  "fetch",
  "check",
  "comparePages",
  "digestOf",
]);

/** Every method of the engine, for looking up and for tests that go through all. */
export const ENGINE_METHODS = Object.keys(methods) as readonly EngineMethod[];
