import { setTimeout as delay } from "node:timers/promises";
import { ChildSession, type Send } from "./child-session.ts";
import { loadEngines, WARM_UP } from "./engines.ts";
import { FAULT_VARIABLE, faultHook } from "./fault.ts";
import { exitIfOrphaned } from "./orphan.ts";
import type { ToChild } from "./protocol.ts";

/*
 * The executor child: loads the engines, waits for one session, serves it, exits. Started by
 * `ProcessExecutor`; of use to nobody else.
 */

/** A child that is taken at once, or started among others, does not warm up. */
const REST_MS = 40;

const send: Send = (message, sent) => {
  if (!process.connected) {
    // The service is gone: there is nobody to tell, and the disconnection ends this process.
    return false;
  }
  return process.send!(message, undefined, undefined, () => sent?.());
};

/**
 * The service alone decides when a child ends. Signals that a terminal or a supervisor sends to
 * the whole group must not cut a step short that the service wants to finish.
 */
function ignoreGroupSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => undefined);
  }
}

async function main(): Promise<void> {
  if (process.send === undefined) {
    throw new Error("This program is a part of schemaledger and is started by it");
  }
  ignoreGroupSignals();
  // Without its service nobody waits for an outcome: dying rolls back what is open.
  process.on("disconnect", () => process.exit(1));
  const strike = faultHook(process.env[FAULT_VARIABLE]);
  const faults = (point: string) => {
    exitIfOrphaned();
    strike(point);
  };
  const { createEngine, warmUp } = await loadEngines(process.argv[2]);
  const session = new ChildSession(createEngine, { faults }, send);
  let isWanted = false;
  process.on("message", (message) => {
    isWanted = true;
    const told = message as ToChild;
    if (told.kind === "close") {
      session.close();
      process.exit(0);
    }
    void session.handle(told);
  });
  send({ kind: "ready" });
  if (process.env["SCHEMALEDGER_EXECUTOR"] !== WARM_UP) return;
  await delay(REST_MS);
  if (!isWanted) await warmUp(() => isWanted);
}

await main();
