import { setTimeout as pause } from "node:timers/promises";

/** Milliseconds that a start which is told to stop gets to become ready, so that it can stop in order. */
const PATIENCE = 2000;

/**
 * What a start leads to; undefined if it was told to stop meanwhile and does not come to its end soon. A
 * start may fold millions of events: ending the process then loses no more than a crash does, nothing.
 */
export async function readyUnless<T>(
  stopped: Promise<void>,
  starting: Promise<T>,
  patience = PATIENCE,
): Promise<T | undefined> {
  const waited = new AbortController();
  const given = stopped.then(() => pause(patience, undefined, { signal: waited.signal }));
  try {
    return (await Promise.race([starting, given])) as T | undefined;
  } finally {
    given.catch(() => {
      // Nobody waits for it any more.
    });
    waited.abort();
  }
}
