import { InvalidInput } from "../../domain/shared/errors.ts";

/** An RFC 3339 time in the one form in which times are stored, shifted by milliseconds. */
export function instant(time: string, shiftMs = 0): string {
  const at = Date.parse(time);
  if (Number.isNaN(at)) {
    throw new InvalidInput("invalid-time", `${JSON.stringify(time)} is not an RFC 3339 time`, {
      hint: "Write it like 2026-01-02T03:04:05.678Z",
    });
  }
  return new Date(at + shiftMs).toISOString();
}
