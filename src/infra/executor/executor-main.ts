import { setTimeout as delay } from "node:timers/promises";
import { ChildSession, type Send } from "./child-session.ts";
import { loadEngines, WARM_UP } from "./engines.ts";
import { FAULT_VARIABLE, faultHook } from "./fault.ts";
import { exitIfOrphaned } from "./orphan.ts";
import type { ToChild } from "./protocol.ts";

/*
 * The executor child: loads the engines, waits for a session, serves it, exits when told. Started by
 * `ProcessExecutor`; of use to nobody else.
 */

/** A child that has grown larger does not wait for another session. */
const MOST_BYTES = 90 << 20;

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
    const told = message as ToChild;
    if (told.kind === "release") return void release();
    isWanted = true;
    if (told.kind === "close") void session.close().finally(() => process.exit(0));
    else void session.handle(told);
  });
  const release = async (): Promise<void> => {
    await session.release();
    if (process.memoryUsage.rss() > MOST_BYTES) process.exit(0);
    isWanted = false;
    send({ kind: "ready" });
    await rest();
  };
  let isWarm = process.env["SCHEMALEDGER_EXECUTOR"] !== WARM_UP;
  const rest = async (): Promise<void> => {
    if (!isWarm) await delay(REST_MS);
    if (isWarm || isWanted) return;
    await warmUp(() => isWanted);
    isWarm = !isWanted;
  };
  send({ kind: "ready" });
  await rest();
}

void main();
