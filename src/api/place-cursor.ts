import { InvalidInput } from "../domain/shared/errors.ts";

/** A place in a list that is computed from the ledger as it was just after an event. */
export interface Place {
  readonly index: number;
  /** How many items come before. */
  readonly place: number;
}

/** The cursor of a place: pages neither repeat nor skip, for the past does not change. */
export const placeIn = ({ index, place }: Place): string =>
  Buffer.from(`p${index}.${place}`, "utf8").toString("base64url");

/** Error: `InvalidInput` malformed-cursor. */
export function placeOf(cursor: string): Place {
  const text = Buffer.from(cursor, "base64url").toString("utf8");
  const found = /^p(\d{1,15})\.(\d{1,15})$/.exec(text);
  if (found !== null) return { index: Number(found[1]), place: Number(found[2]) };
  throw new InvalidInput("malformed-cursor", "The cursor was not made by this service", {
    hint: "Pass the `next` of the page before, unchanged",
  });
}
