import { setTimeout as sleep } from "node:timers/promises";
import { BrokenAnswer } from "./s3-body.ts";
import { PATIENCE, type S3Settings } from "./s3-settings.ts";

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

/**
 * Does `work` again while its answer breaks off, or `again` says so, with growing, random pauses. What
 * the client itself asks for again (no answer, 5xx, slow down) has been through its own attempts.
 */
export async function persevering<T>(
  { patience = PATIENCE }: S3Settings,
  work: () => Promise<T>,
  again: (error: unknown) => boolean = () => false,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1)
    try {
      return await work();
    } catch (error) {
      const isWorth = error instanceof BrokenAnswer || again(error);
      if (!isWorth || attempt >= patience.attempts) throw error;
      const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
      await sleep(Math.random() * longest);
    }
}
