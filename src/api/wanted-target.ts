import type { WantedTarget } from "../domain/alerting/alert-targets.ts";
import type { TargetSettings } from "../domain/alerting/events.ts";
import type { TargetAddress } from "../domain/alerting/notifier.ts";
import { InvalidInput } from "../domain/shared/errors.ts";
import { addressOf, placeOf, reachedOf } from "./alert-address.ts";
import type { AlertTargetChange, AlertTargetRequest } from "./dto/alert.request.ts";

/** Null, as absent: no limit. */
interface Limits {
  readonly severity?: "critical" | "warning" | null | undefined;
  readonly codes?: readonly string[] | null | undefined;
  readonly databases?: readonly string[] | null | undefined;
  readonly privateAddresses?: boolean | undefined;
}

/** What a request wants. Error: InvalidInput alert-target-invalid. */
export function wantedTarget(request: AlertTargetRequest): WantedTarget {
  const { name, kind, severity, codes, databases, privateAddresses, ...reached } = request;
  const address = addressOf(kind, reached, privateAddresses === true);
  const limits = recorded({ severity, codes, databases, privateAddresses });
  return { name, address, place: placeOf(address), ...limits };
}

/** What a target is after a change. Error: InvalidInput alert-target-invalid. */
export function changedTarget(
  now: TargetSettings,
  known: TargetAddress | undefined,
  change: AlertTargetChange,
): WantedTarget {
  const { name = now.name, severity, codes, databases, privateAddresses, ...reached } = change;
  const limits = recorded({ ...now, ...given({ severity, codes, databases, privateAddresses }) });
  const { url, ...others } = { ...(known && reachedOf(known)), ...given(reached) };
  if (url === undefined) throw addressGone();
  if (known !== undefined) refuseElsewhere(known, url, reached);
  const address = addressOf(now.kind, { url, ...others }, limits.privateAddresses === true);
  // A webhook at another address keeps its secrets.
  const kept =
    known?.kind === "webhook" && address.kind === "webhook"
      ? { ...address, secrets: known.secrets }
      : address;
  return { name, address: kept, place: placeOf(kept), ...limits };
}

/** The same target with another secret. Error: InvalidInput alert-target-invalid. */
export const withSecret = (
  now: TargetSettings,
  known: TargetAddress | undefined,
  secret: string,
  keepsPrevious: boolean,
): WantedTarget =>
  withSecrets(now, known, (before) => [secret, ...(keepsPrevious ? before.slice(0, 1) : [])]);

/** The same target with its newest secret alone. Error: InvalidInput alert-target-invalid. */
export const withNewestSecret = (
  now: TargetSettings,
  known: TargetAddress | undefined,
): WantedTarget => withSecrets(now, known, (before) => before.slice(0, 1));

function withSecrets(
  { secretId: _id, kind: _kind, ...now }: TargetSettings,
  known: TargetAddress | undefined,
  secrets: (before: readonly string[]) => readonly string[],
): WantedTarget {
  if (known === undefined) throw addressGone();
  if (known.kind !== "webhook")
    throw new InvalidInput("alert-target-invalid", "Only webhooks have a secret that signs", {
      hint: "PATCH the target to change its address or password",
    });
  return { ...now, address: { ...known, secrets: secrets(known.secrets) } };
}

/**
 * What proves us to one host is not sent to another that somebody names later: nobody may read it
 * here, and it would be read there.
 */
function refuseElsewhere(
  known: TargetAddress,
  url: string,
  given: { readonly authorization?: string | undefined; readonly password?: string | undefined },
): void {
  const before = new URL(known.url);
  const now = URL.parse(url);
  if (now === null || (now.protocol === before.protocol && now.host === before.host)) return;
  const { authorization, password } = reachedOf(known);
  const kept = [
    ...(authorization !== undefined && given.authorization === undefined ? ["authorization"] : []),
    ...(password !== undefined && given.password === undefined ? ["password"] : []),
  ][0];
  if (kept !== undefined)
    throw new InvalidInput(
      "alert-target-invalid",
      `The url is another host's, and the ${kept} is not`,
      {
        hint: `Give ${kept} with the url, or add another target`,
      },
    );
}

const recorded = ({ severity, codes, databases, privateAddresses }: Limits) => ({
  ...(severity === "critical" ? { severity } : {}),
  ...(codes ? { codes: [...new Set(codes)] } : {}),
  ...(databases ? { databases } : {}),
  ...(privateAddresses === true ? { privateAddresses } : {}),
});

const given = <T extends object>(members: T): Partial<T> =>
  Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined),
  ) as Partial<T>;

const addressGone = (): InvalidInput =>
  new InvalidInput("alert-target-invalid", "The target's address is gone", {
    hint: "Give its url, and whatever else belongs to it",
  });
