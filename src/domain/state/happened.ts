import type { FoldEvent } from "../events.ts";
import type { Happened } from "./state.ts";

/** When, by whom and in which event. */
export const happened = (event: FoldEvent): Happened => ({
  index: event.index,
  time: event.time,
  actor: event.actor.id,
});
