import { InvalidInput } from "../domain/shared/errors.ts";

/** A time without a zone is that of this machine. */
export function timeOf(text: string): string {
  const time = Date.parse(text);
  if (!Number.isNaN(time)) return new Date(time).toISOString();
  throw new InvalidInput("time-unreadable", `${JSON.stringify(text)} is no time`, {
    hint: "Write it like 2026-12-24T02:00:00Z or 2026-12-24T03:00+01:00",
  });
}
