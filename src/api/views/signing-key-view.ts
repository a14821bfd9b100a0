import type { SigningKeyState } from "../../domain/state/state.ts";

/** The keys that sign checkpoints, or once did, the newest first. */
export const signingKeysView = (keys: readonly SigningKeyState[]): object => ({
  items: keys.toReversed().map(({ verifierKey, since, retired }) => ({
    verifierKey,
    since: since.time,
    sinceEvent: since.index,
    retiredAt: retired?.time ?? null,
  })),
  next: null,
});
