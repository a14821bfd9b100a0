import { EVENT_VERSIONS } from "../events.ts";
import type { Json } from "../shared/json.ts";
import { UnknownEventVersion } from "./errors.ts";

/** Turns the data of one version of an event type into that of the next. */
export type Upcaster = (data: Json) => Json;

/** The present version of every known event type. */
export type EventVersions = { readonly [type: string]: number };

/** `type@v` → the step to v + 1. */
export type Upcasters = { readonly [typeAtVersion: string]: Upcaster };

/** The steps from released versions to the present ones. None is ever removed. */
export const UPCASTERS: Upcasters = {};

/**
 * Event data as the present version has it. Stored bytes never change; old versions are lifted on
 * reading, step by step. Throws UnknownEventVersion on an unknown type, a version from the future,
 * or a missing step: readers stop, they never skip.
 */
export function upcast(
  stored: { readonly index: number; readonly type: string; readonly v: number },
  data: Json,
  versions: EventVersions = EVENT_VERSIONS,
  upcasters: Upcasters = UPCASTERS,
): Json {
  const { index, type, v } = stored;
  const present = Object.hasOwn(versions, type) ? versions[type] : undefined;
  if (present === v) return data;
  if (present === undefined || v > present) throw new UnknownEventVersion(index, type, v);
  let lifted = data;
  for (let version = v; version < present; version += 1) {
    const step = upcasters[`${type}@${version}`];
    if (step === undefined) throw new UnknownEventVersion(index, type, v);
    lifted = step(lifted);
  }
  return lifted;
}
