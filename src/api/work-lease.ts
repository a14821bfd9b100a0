import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Conflict } from "../domain/shared/errors.ts";
import { writeFileAtomic } from "../infra/files/atomic-write.ts";
import { openFailed } from "../infra/postgres/ledger/errors.ts";
import { prepare } from "../infra/postgres/ledger/open-place.ts";
import type { Client } from "../infra/postgres/connection/open-client.ts";
import { openSession, type LedgerPlace } from "../infra/postgres/ledger/session.ts";
import { drop } from "../infra/postgres/ledger/sessions.ts";
import { LEASE_MS, WorkLease, type LeaseHolder } from "../infra/postgres/ledger/work-lease.ts";

/** How a process comes to work with a ledger that others may work with, too. */
export interface LeaseSeeking {
  /** How long it is waited for, ms. Infinity: this one stands by. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** How long a lease lasts that is not renewed. Default: `LEASE_MS`. */
  readonly leaseMs?: number | undefined;
  /** Called at first, and whenever somebody else works. */
  readonly onStandby?: ((holder: LeaseHolder) => Promise<void>) | undefined;
}

/** Between two tries, ms. */
const TRY_EVERY = 400;

/**
 * Waits until this process may work. Errors: those of `prepare`; Conflict ledger-in-use when the
 * time is over; the signal's reason.
 */
export async function seekLease(
  place: LedgerPlace,
  { data, origin }: { readonly data: string; readonly origin: string },
  seeking: LeaseSeeking,
): Promise<WorkLease> {
  const { url } = place.address;
  const holder = await holderOf(data);
  await prepare(place, origin).catch((error: unknown) => {
    throw openFailed(url, error);
  });
  const until = performance.now() + seeking.timeoutMs;
  const { leaseMs = LEASE_MS } = seeking;
  let client: Client | undefined;
  let known: string | undefined;
  try {
    for (;;) {
      seeking.signal?.throwIfAborted();
      let found: WorkLease | LeaseHolder | undefined;
      try {
        client ??= await openSession({ ...place, answerWithinMs: leaseMs }, "reader");
        found = await WorkLease.take(place, client, holder, leaseMs);
      } catch (error) {
        // Who stands by waits for the server, too.
        if (known === undefined) throw openFailed(url, error);
        if (client !== undefined) void drop(client);
        client = undefined;
      }
      if (found instanceof WorkLease) {
        client = undefined;
        return found;
      }
      if (found !== undefined && known !== `${found.holder} ${found.url}`) {
        known = `${found.holder} ${found.url}`;
        await seeking.onStandby?.(found);
      }
      if (performance.now() >= until) throw inUse(url, found);
      await sleep(Math.min(TRY_EVERY, leaseMs / 5) * (0.5 + Math.random() / 2));
    }
  } finally {
    if (client !== undefined) await drop(client);
  }
}

/** The same for every process of a data directory: its lock tells that the one before is gone. */
async function holderOf(data: string): Promise<string> {
  const file = join(data, "instance");
  if (!existsSync(file)) await writeFileAtomic(file, `${randomUUID()}\n`);
  return `${hostname()}:${(await readFile(file, "utf8")).trim()}`;
}

const inUse = (place: string, holder: LeaseHolder | undefined): Conflict =>
  new Conflict("ledger-in-use", `${holder?.holder ?? "Another process"} works with ${place}`, {
    hint:
      holder?.url === null || holder === undefined
        ? "Wait for it, or end it"
        : `Work through it: --server ${holder.url}`,
  });
