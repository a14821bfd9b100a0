import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { AlertMessage } from "../domain/alerting/notifier.ts";
import { DomainError } from "../domain/shared/errors.ts";
import { FileTargetSecrets } from "../infra/alerting/file-target-secrets.ts";
import { TargetNotifier } from "../infra/alerting/target-notifier.ts";
import { writeFileAtomic } from "../infra/files/atomic-write.ts";
import { NodeDigest } from "../infra/signing/node-digest.ts";
import { describeError, type Log } from "../infra/telemetry/logger.ts";
import type { CoreConfig } from "./config.ts";

/** What keeps a service from starting and is nobody's slip. */
const WORTH_TELLING = new Set(["ledger-rolled-back", "ledger-forked", "ledger-damaged"]);
/** A supervisor starts it again and again: the same is told once in this time, ms. */
const QUIET_MS = 3_600_000;

interface Told {
  readonly id: string;
  readonly at: string;
}

/**
 * Tells every target that the ledger was refused. Nothing can be appended to such a ledger, so this
 * is the one alert without an event: sent once, and not tried again.
 */
export async function tellRefusedStart(
  { data }: CoreConfig,
  error: unknown,
  log: Log,
): Promise<void> {
  if (!(error instanceof DomainError) || !WORTH_TELLING.has(error.code)) return;
  const { code, message, hint } = error;
  const secrets = new FileTargetSecrets(join(data, "keys", "alert-targets.json"));
  const ids = await secrets.ids();
  // The same refusal has the same id: receivers that keep ids act on it once.
  const id = `refused-${new NodeDigest().ofText(`${code} ${message}`).slice("sha256:".length, 40)}`;
  const file = join(data, "refused-start.json");
  const now = new Date().toISOString();
  if (ids.length === 0 || (await toldLately(file, id, now))) return;
  await writeFileAtomic(file, `${JSON.stringify({ id, at: now } satisfies Told)}\n`);
  const alert = { alertId: code, code, severity: "critical", message } as const;
  const about = { kind: "ledger", id: "start" } as const;
  const whole: AlertMessage = {
    id,
    time: now,
    index: null,
    origin: await origin(data),
    database: null,
    alert: { ...alert, ...(hint === undefined ? {} : { hint }), about },
  };
  const notifier = new TargetNotifier(secrets);
  await Promise.all(
    ids.map(async (secretId) => {
      const kept = await secrets.find(secretId);
      const mayBePrivate = kept?.privateAddresses === true;
      const settings = { secretId, ...(mayBePrivate ? { privateAddresses: true as const } : {}) };
      await notifier.send({ settings }, whole).catch((failure: unknown) => {
        const said = "A target was not told that the ledger is refused";
        log({ level: "error", message: said, ...describeError(failure) });
      });
    }),
  );
}

async function toldLately(file: string, id: string, now: string): Promise<boolean> {
  try {
    const told = JSON.parse(await readFile(file, "utf8")) as Told;
    return told.id === id && Date.parse(now) - Date.parse(told.at) < QUIET_MS;
  } catch {
    // None yet, or not whole: once too often is better than not at all.
    return false;
  }
}

/** Names the ledger without opening it. */
async function origin(data: string): Promise<string> {
  try {
    return (await readFile(join(data, "keys", "origin"), "utf8")).trim();
  } catch {
    return "unknown";
  }
}
