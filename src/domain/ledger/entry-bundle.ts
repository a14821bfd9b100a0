import { InvalidInput } from "../shared/errors.ts";
import { MAX_LEAF_BYTES } from "./envelope.ts";

/** Entries in a bundle: each as two bytes of length, big-endian, and its bytes. */
export function entryBundle(entries: readonly Uint8Array[]): Uint8Array {
  const bundle = new Uint8Array(entries.reduce((sum, entry) => sum + 2 + entry.length, 0));
  let at = 0;
  for (const entry of entries) {
    if (entry.length > MAX_LEAF_BYTES) throw new RangeError("An entry is too long for a bundle");
    bundle[at] = entry.length >> 8;
    bundle[at + 1] = entry.length & 0xff;
    bundle.set(entry, at + 2);
    at += 2 + entry.length;
  }
  return bundle;
}

/** The entries of a bundle. Error: InvalidInput malformed-bundle. */
export function parseEntryBundle(bundle: Uint8Array): Uint8Array[] {
  const entries: Uint8Array[] = [];
  for (let at = 0; at < bundle.length;) {
    const length = at + 2 <= bundle.length ? (bundle[at]! << 8) | bundle[at + 1]! : Infinity;
    if (at + 2 + length > bundle.length)
      throw new InvalidInput("malformed-bundle", "The entry bundle ends within an entry");
    entries.push(bundle.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return entries;
}
