import type { Concerns } from "../governance/events.ts";
import type { AlertEvents } from "./events.ts";

type Alert = AlertEvents["AlertRaised"];

/** What an event of governance is about, and how it is spoken of. */
export function aboutOf({ runId, restoreId, policyChangeId }: Concerns): {
  readonly about: Alert["about"];
  /** To be followed by the database's name. */
  readonly words: string;
  readonly place: string;
} {
  if (runId !== undefined)
    return { about: { kind: "run", id: runId }, words: "run on", place: "runs" };
  if (restoreId !== undefined)
    return { about: { kind: "restore", id: restoreId }, words: "restore of", place: "restores" };
  return {
    about: { kind: "policy-change", id: policyChangeId ?? "" },
    words: "change of the policy of",
    place: "policy-changes",
  };
}

interface Emergency extends Concerns {
  readonly emergency?: boolean;
  readonly reviewBy?: string;
}

/** What begins without approvals is told at once: who is to review it must know of it. */
export function emergencyAlert(
  code: string,
  { emergency, reviewBy, ...concerns }: Emergency,
  name: string,
): Alert | undefined {
  if (emergency !== true) return undefined;
  const { about, words, place } = aboutOf(concerns);
  return {
    alertId: `emergency:${about.id}`,
    code,
    severity: "warning",
    message: `An emergency ${words} ${name} begins without approvals`,
    hint: `Somebody else must review it by ${reviewBy}: POST /v1/${place}/${about.id}/reviews`,
    about,
  };
}
