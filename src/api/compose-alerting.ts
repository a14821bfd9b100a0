import { join } from "node:path";
import { AlertDispatcher } from "../domain/alerting/dispatcher.ts";
import { AlertTargets } from "../domain/alerting/alert-targets.ts";
import type { Notifier } from "../domain/alerting/notifier.ts";
import { RETRY_PACE } from "../domain/alerting/retry.ts";
import { Watch } from "../domain/alerting/watch.ts";
import { withAlerts } from "../domain/alerting/with-alerts.ts";
import type { Append } from "../domain/ledger/ledger.ts";
import type { Context } from "../domain/shared/actor.ts";
import type { LedgerState } from "../domain/state/state.ts";
import { FileTargetSecrets } from "../infra/alerting/file-target-secrets.ts";
import { TargetNotifier } from "../infra/alerting/target-notifier.ts";
import { openTelemetry } from "../infra/telemetry/tracing.ts";
import { describeError } from "../infra/telemetry/logger.ts";
import type { Closers } from "./closers.ts";
import type { CoreConfig } from "./config.ts";
import type { Opened } from "./container.ts";
import type { One, Resolver } from "./tokens.ts";
import * as t from "./tokens.ts";

/** Who is told of what. */
export function addAlerting(one: One, { data }: CoreConfig): void {
  one(t.TARGET_SECRETS, () => new FileTargetSecrets(join(data, "keys", "alert-targets.json")));
  one(t.ALERT_TARGETS, (c) => {
    const secrets = c.resolve(t.TARGET_SECRETS);
    return new AlertTargets({ ...partsOf(c), secrets, notifier: new TargetNotifier(secrets) });
  });
}

/** Adds to an append the alerts that its events call for. */
export function alertsFor(c: Resolver): (append: Append) => Append {
  return (append) => {
    let state: LedgerState;
    try {
      ({ state } = c.resolve(t.PROJECTION));
    } catch {
      // Without a state nobody knows who is to be told; what is to be recorded must not be lost for it.
      return append;
    }
    return withAlerts(append, state, c.resolve(t.CLOCK).now());
  };
}

/** Tells the targets what waits for them, until the service stops. */
export async function startAlerting(
  c: Resolver,
  { alertPace = RETRY_PACE }: Opened,
  context: Context,
  closers: Closers,
): Promise<void> {
  const report = reporter(c);
  // What a crash has left. A file that cannot be read shows with the next delivery, too.
  await c.resolve(t.ALERT_TARGETS).tidy().catch(report);
  const dispatcher = new AlertDispatcher({
    ...partsOf(c),
    notifier: traced(new TargetNotifier(c.resolve(t.TARGET_SECRETS))),
    pace: alertPace,
    report,
  });
  closers.add(dispatcher.start(context));
}

const traced = (notifier: Notifier): Notifier => ({
  send: (target, message) =>
    openTelemetry.root(
      "deliver alert",
      {
        "schemaledger.alert.code": message.alert.code,
        "schemaledger.alert.event": message.index ?? -1,
      },
      () => notifier.send(target, message),
    ),
  close: () => notifier.close(),
});

/** Looks for what did not happen in time. Returns the function that ends it. */
export function startWatch(c: Resolver, context: Context): () => Promise<void> {
  const unanchored = (): string | undefined => c.resolve(t.COSIGNED).behindSince;
  const watch = new Watch({ ...partsOf(c), unanchored, report: reporter(c) });
  return watch.start(context);
}

const reporter =
  (c: Resolver) =>
  (error: unknown): void => {
    const message = "Alerts could not be sent, or what became of them not be recorded";
    c.resolve(t.LOG)({ level: "error", message, ...describeError(error) });
  };

const partsOf = (c: Resolver) => ({
  ledger: c.resolve(t.LEDGER),
  projection: c.resolve(t.PROJECTION),
  clock: c.resolve(t.CLOCK),
  ids: c.resolve(t.IDS),
});
