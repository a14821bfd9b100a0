import type { Change, Evidence } from "../../domain/audit/report/change.ts";
import type { TrustVerdict } from "../../domain/trust/policy.ts";
import type { Names } from "../views/names.ts";

/** A point in time for people; the zone is said once in the header. */
export const when = (time: string): string => time.replace("T", " ").replace("Z", "");

/** Who, by the present name; the pseudonym where there is no name any more. */
export const who = (actor: string, names: Names): string => names.actor(actor).name;

/** `#17 2026-01-02 03:04:05.678 ci`: where the ledger says so, when, who. */
export const cite = (evidence: Evidence | null | undefined, names: Names): string =>
  evidence === null || evidence === undefined
    ? "no evidence"
    : `#${evidence.index}, ${when(evidence.time)}, ${who(evidence.actor, names)}`;

/** Why a policy took a migration. */
export function vouched(trust: TrustVerdict | null): string {
  if (trust === null) return "not asked for";
  return trust.by === "signature"
    ? `signed by ${trust.signer} (${trust.format}, ${trust.key})`
    : `registered by the pipeline ${trust.identity}`;
}

/** What the run did, in a few words. */
export const describe = ({ kind, to, plan }: Change): string => {
  const steps = plan.length === 1 ? "1 step" : `${plan.length} steps`;
  const target = to === null ? "the state before every migration" : to;
  return kind === "migrate" ? `to ${target} (${steps})` : `back to ${target} (${steps})`;
};

/** 1 234 567, with spaces that do not break a line. */
export const number = (value: number): string =>
  String(value).replaceAll(/\B(?=(\d{3})+(?!\d))/g, "\u00a0");

/** 12.3 MiB */
export function bytes(value: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let size = value;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${value} bytes` : `${size.toFixed(1)} ${units[unit]}`;
}

/** 250 ms, 3.2 s, 4 min 10 s */
export function duration(ms: number | null): string {
  if (ms === null) return "–";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/** The first letters of a digest: enough to compare by eye. */
export const short = (digest: string): string => digest.replace(/^sha256:/, "").slice(0, 16);
