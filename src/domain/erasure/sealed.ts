import type { Json } from "../shared/json.ts";

/**
 * A value of personal data in an event: encrypted under a key of the person it is of, which is kept
 * outside the ledger and can be destroyed. Members as in docs/reference/personal-data.md.
 */
export interface Sealed {
  readonly $enc: {
    readonly alg: "A256GCM";
    /** Base64: ciphertext and tag. */
    readonly ct: string;
    readonly iv: string;
    /** Names the key. */
    readonly kid: string;
    /** What it is part of: an event's id, or an idempotency key. It cannot be moved elsewhere. */
    readonly of: string;
    /** `sha256:` + hex of SHA-256(salt || JCS(value)): no second value can be read out of it. */
    readonly pt: string;
  };
}

/** Whether a value is sealed. */
export const isSealed = (value: unknown): value is Sealed =>
  typeof value === "object" && value !== null && "$enc" in value;

/** What `sealedText` looks for before anything is parsed. */
export const SEALED_MARK = '"$enc"';

/** A value with every sealed part replaced, at any depth; the value itself if there is none. */
export function openAll<T>(value: T, open: (sealed: Sealed) => Json): T {
  return walk(value, open) as T;
}

function walk(value: unknown, open: (sealed: Sealed) => Json): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (isSealed(value)) return open(value);
  if (Array.isArray(value)) {
    const list = value.map((entry) => walk(entry, open));
    return list.some((entry, i) => entry !== value[i]) ? list : value;
  }
  let opened: { [key: string]: unknown } | undefined;
  for (const [key, member] of Object.entries(value)) {
    const found = walk(member, open);
    if (found !== member) (opened ??= { ...value })[key] = found;
  }
  return opened ?? value;
}
