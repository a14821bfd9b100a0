import { hkdfSync } from "node:crypto";
import { Unavailable } from "../../domain/shared/errors.ts";

/** Bytes of a data key, and of the keys that are made of it. */
export const KEY_BYTES = 32;
/** Bytes by which objects name the data key that opens them. */
export const KEY_ID_BYTES = 16;

/** A key under which objects are sealed. */
export interface DataKey {
  /** Hex; made of the key, and says nothing about it. */
  readonly id: string;
  readonly secret: Uint8Array;
}

/** Data keys as plain JSON, on their way to the process that seals and opens: never recorded. */
export interface DataKeyTexts {
  /** Hex of the key that new objects get; null: they are not encrypted. */
  readonly current: string | null;
  /** Hex of every key that opens something. */
  readonly all: readonly string[];
}

export function dataKey(secret: Uint8Array): DataKey {
  const id = hkdfSync("sha256", secret, "", "schemaledger key id", KEY_ID_BYTES);
  return { id: Buffer.from(id).toString("hex"), secret };
}

/** The keys that a process has. */
export class DataKeys {
  /** Undefined: new objects are not encrypted. */
  readonly current: DataKey | undefined;
  readonly #byId: ReadonlyMap<string, DataKey>;

  constructor({ current, all }: DataKeyTexts) {
    const keys = [...all, ...(current === null ? [] : [current])].map((text) =>
      dataKey(Buffer.from(text, "hex")),
    );
    this.#byId = new Map(keys.map((key) => [key.id, key]));
    this.current = current === null ? undefined : keys.at(-1);
  }

  /** Throws `Unavailable` with `backup-key-missing`. */
  find(id: string): DataKey {
    const key = this.#byId.get(id);
    if (key !== undefined) return key;
    throw new Unavailable("backup-key-missing", `No identity here opens data key ${id}`, {
      hint: "Add the age identity of one of the key's recipients to the service's identity file; docs/reference/backup-format.md tells which object of the store wraps the key",
      details: { key: id },
    });
  }
}

/** For stores that are not encrypted. */
export const NO_KEYS: DataKeyTexts = { current: null, all: [] };

export const isKeyMissing = (error: unknown): boolean =>
  error instanceof Unavailable && error.code === "backup-key-missing";
