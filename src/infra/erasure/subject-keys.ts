import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { SubjectKeys as Port } from "../../domain/erasure/erasure-service.ts";
import { Unavailable } from "../../domain/shared/errors.ts";
import { fsyncDirectory, makeDirectory, writeFileAtomic } from "../files/atomic-write.ts";

const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const WRAPPED = "schemaledger-subject-key/v1\n";

/** A key of a subject. */
export interface SubjectKey {
  readonly kid: string;
  readonly key: Uint8Array;
}

interface Stored {
  readonly actorId: string;
  readonly wrapped: string;
}

/**
 * One file for each key (`<kid>.json`), wrapped under a key of the directory (`wrap`). Destroying a
 * file is what erases: the directory must not be kept in backups for longer than erasing may take.
 */
export class SubjectKeys implements Port {
  readonly #directory: string;
  readonly #byKid = new Map<string, { readonly actorId: string; readonly key: Uint8Array }>();
  /** The key under which an actor's texts are sealed now. */
  readonly #current = new Map<string, SubjectKey>();
  readonly #making = new Map<string, Promise<SubjectKey>>();
  #wrap: Uint8Array | undefined;
  /** Made once, whoever needs it first: a second one would lock the keys under the first. */
  #wrapping: Promise<Uint8Array> | undefined;

  /** Another process makes and destroys the keys: the directory is looked at whenever one is asked for. */
  readonly #others: boolean;

  /** Errors: Unavailable subject-keys-damaged. */
  constructor(directory: string, { others = false }: { readonly others?: boolean } = {}) {
    this.#directory = directory;
    this.#others = others;
    if (!existsSync(directory)) return;
    for (const name of readdirSync(directory)) {
      const [, kid] = /^(subj_[0-9a-f]{16})\.json$/.exec(name) ?? [];
      if (kid !== undefined) this.#load(kid);
    }
  }

  /** The key of an actor, if it has one already. */
  known(actorId: string): SubjectKey | undefined {
    return this.#current.get(actorId);
  }

  /** The key of an actor, made if it has none: durable when it resolves. */
  of(actorId: string): SubjectKey | Promise<SubjectKey> {
    const known = this.#current.get(actorId) ?? this.#making.get(actorId);
    if (known !== undefined) return known;
    const making = this.#make(actorId).finally(() => this.#making.delete(actorId));
    this.#making.set(actorId, making);
    return making;
  }

  /** The key of a name; undefined once it was destroyed. */
  find(kid: string): Uint8Array | undefined {
    if (this.#others) this.#lookFor(kid);
    return this.#byKid.get(kid)?.key;
  }

  keysOf(actorId: string): readonly string[] {
    return [...this.#byKid].filter(([, one]) => one.actorId === actorId).map(([kid]) => kid);
  }

  async destroy(kids: readonly string[]): Promise<void> {
    for (const kid of kids) {
      const held = this.#byKid.get(kid);
      this.#byKid.delete(kid);
      if (held !== undefined && this.#current.get(held.actorId)?.kid === kid)
        this.#current.delete(held.actorId);
      await shred(this.#fileOf(kid));
    }
    if (kids.length > 0 && existsSync(this.#directory)) await fsyncDirectory(this.#directory);
  }

  #lookFor(kid: string): void {
    if (!existsSync(this.#fileOf(kid))) this.#byKid.delete(kid);
    else if (!this.#byKid.has(kid)) this.#load(kid);
  }

  async #make(actorId: string): Promise<SubjectKey> {
    await makeDirectory(this.#directory);
    const kid = `subj_${randomBytes(8).toString("hex")}`;
    const key = randomBytes(KEY_BYTES);
    const wrapped = wrap(await this.#wrapper(), kid, key);
    await writeFileAtomic(this.#fileOf(kid), `${JSON.stringify({ actorId, wrapped })}\n`);
    this.#byKid.set(kid, { actorId, key });
    const made = { kid, key };
    this.#current.set(actorId, made);
    return made;
  }

  #wrapper(): Uint8Array | Promise<Uint8Array> {
    if (this.#wrap !== undefined) return this.#wrap;
    this.#wrapping ??= this.#makeWrapper();
    return this.#wrapping;
  }

  async #makeWrapper(): Promise<Uint8Array> {
    const file = join(this.#directory, "wrap");
    if (!existsSync(file))
      await writeFileAtomic(file, `${randomBytes(KEY_BYTES).toString("hex")}\n`);
    this.#wrap = Buffer.from(readFileSync(file, "utf8").trim(), "hex");
    return this.#wrap;
  }

  #load(kid: string): void {
    try {
      this.#wrap ??= Buffer.from(readFileSync(join(this.#directory, "wrap"), "utf8").trim(), "hex");
      const stored = JSON.parse(readFileSync(this.#fileOf(kid), "utf8")) as Stored;
      const key = unwrap(this.#wrap, kid, stored.wrapped);
      this.#byKid.set(kid, { actorId: stored.actorId, key });
      this.#current.set(stored.actorId, { kid, key });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Unavailable("subject-keys-damaged", `The key ${kid} cannot be read: ${why}`, {
        hint: "Put keys/subjects back from your backup of it, without the keys that were erased since",
      });
    }
  }

  #fileOf(kid: string): string {
    return join(this.#directory, `${kid}.json`);
  }
}

function wrap(wrapper: Uint8Array, kid: string, key: Uint8Array): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv("aes-256-gcm", wrapper, iv).setAAD(Buffer.from(WRAPPED + kid));
  const parts = [iv, cipher.update(key), cipher.final(), cipher.getAuthTag()];
  return Buffer.concat(parts).toString("base64");
}

function unwrap(wrapper: Uint8Array, kid: string, wrapped: string): Uint8Array {
  const bytes = Buffer.from(wrapped, "base64");
  const iv = bytes.subarray(0, IV_BYTES);
  const decipher = createDecipheriv("aes-256-gcm", wrapper, iv).setAAD(Buffer.from(WRAPPED + kid));
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()]);
}

/** Overwritten first: a file system that writes in place has nothing left then. */
async function shred(file: string): Promise<void> {
  if (!existsSync(file)) return;
  const handle = await open(file, "r+");
  try {
    const { size } = await handle.stat();
    await handle.write(randomBytes(size), 0, size, 0);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rm(file);
}
