import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { personalMembers, subjectOf } from "../../domain/erasure/personal-members.ts";
import { isSealed, SEALED_MARK, type Sealed } from "../../domain/erasure/sealed.ts";
import type { DomainEvent } from "../../domain/events.ts";
import { jcs } from "../../domain/ledger/jcs.ts";
import type { Append } from "../../domain/ledger/ledger.ts";
import type { Digest } from "../../domain/shared/digest.ts";
import type { Ids } from "../../domain/shared/ids.ts";
import type { Json } from "../../domain/shared/json.ts";
import type { SubjectKey, SubjectKeys } from "./subject-keys.ts";

const IV_BYTES = 12;
const TAG_BYTES = 16;
const SALT_BYTES = 16;

/** What is needed besides a key and a value; given in tests, random otherwise. */
export interface SealParts {
  readonly iv: Uint8Array;
  readonly salt: Uint8Array;
}

/** Seals personal data before it is appended, and opens it for those who may read. */
export class Sealer {
  readonly #keys: SubjectKeys;
  readonly #digest: Digest;
  readonly #ids: Ids;

  constructor(keys: SubjectKeys, digest: Digest, ids: Ids) {
    this.#keys = keys;
    this.#digest = digest;
    this.#ids = ids;
  }

  /** The append with its personal members sealed; a promise only while a key has to be made. */
  append(append: Append): Append | Promise<Append> {
    const { actor } = append.context;
    if (actor.kind === "system" || append.events.length === 0) return append;
    const subjects = new Set([actor.id, ...append.events.map((one) => subjectOf(one, actor.id))]);
    const keys = [...subjects].map((subject) => this.#keys.of(subject));
    const making = keys.filter((key) => key instanceof Promise);
    if (making.length > 0) return Promise.all(making).then(() => this.#sealed(append));
    return this.#sealed(append);
  }

  /** An answer that is stored for repeated requests, under its idempotency key (`actor:key`). */
  answer(key: string, text: string): string | Promise<string> {
    const [actorId] = key.split(":", 1);
    if (!actorId!.startsWith("act_")) return text;
    const subject = this.#keys.of(actorId!);
    const seal = (one: SubjectKey): string => jcs(asJson(this.#seal(one, text, key)));
    return subject instanceof Promise ? subject.then(seal) : seal(subject);
  }

  /** The stored answer as it was given; undefined once it cannot be read any more. */
  storedAnswer(text: string): string | undefined {
    if (!text.includes(SEALED_MARK)) return text;
    const sealed = JSON.parse(text) as unknown;
    if (!isSealed(sealed)) return text;
    const opened = this.open(sealed);
    return typeof opened === "string" ? opened : undefined;
  }

  /** The value; undefined when its key was destroyed, or when it was changed. */
  open({ $enc }: Sealed): Json | undefined {
    const key = this.#keys.find($enc.kid);
    return key === undefined ? undefined : openWith(this.#digest, key, $enc);
  }

  #sealed(append: Append): Append {
    const { context, events } = append;
    const ids = events.map(() => this.#ids.uuid());
    const subject = this.#keys.known(context.actor.id)!;
    const source = this.#seal(subject, asJson(context.source), ids[0]!) as unknown;
    return {
      ...append,
      ids,
      context: { ...context, source: source as typeof context.source },
      events: events.map((event, i) => this.#event(event, context.actor.id, ids[i]!)),
    };
  }

  #event(event: DomainEvent, actorId: string, id: string): DomainEvent {
    const members = personalMembers(event.type);
    if (members.length === 0) return event;
    const key = this.#keys.known(subjectOf(event, actorId))!;
    const data: { [member: string]: unknown } = { ...event.data };
    for (const member of members) {
      const value = data[member];
      if (value !== undefined && !isSealed(value))
        data[member] = this.#seal(key, value as Json, id);
    }
    return { type: event.type, data } as unknown as DomainEvent;
  }

  #seal(subject: SubjectKey, value: Json, of: string): Sealed {
    const parts = { iv: randomBytes(IV_BYTES), salt: randomBytes(SALT_BYTES) };
    return sealWith(this.#digest, subject, value, of, parts);
  }
}

/** AES-256-GCM; the associated data binds it to its key's name and to what it is part of. */
export function sealWith(
  digest: Digest,
  { kid, key }: SubjectKey,
  value: Json,
  of: string,
  { iv, salt }: SealParts,
): Sealed {
  const plain = jcs({ d: value, s: digest.base64(salt) });
  const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(associated(kid, of));
  const ct = Buffer.concat([cipher.update(plain, "utf8"), cipher.final(), cipher.getAuthTag()]);
  const pt = digest.saltedText(salt, jcs(value)).digest;
  return {
    $enc: { alg: "A256GCM", ct: ct.toString("base64"), iv: digest.base64(iv), kid, of, pt },
  };
}

function openWith(digest: Digest, key: Uint8Array, enc: Sealed["$enc"]): Json | undefined {
  try {
    const bytes = Buffer.from(enc.ct, "base64");
    const iv = Buffer.from(enc.iv, "base64");
    const decipher = createDecipheriv("aes-256-gcm", key, iv).setAAD(associated(enc.kid, enc.of));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const plain = Buffer.concat([
      decipher.update(bytes.subarray(0, -TAG_BYTES)),
      decipher.final(),
    ]).toString("utf8");
    const { d, s } = JSON.parse(plain) as { d: Json; s: string };
    // GCM alone would let one ciphertext be read as two texts under two keys.
    return digest.saltedText(Buffer.from(s, "base64"), jcs(d)).digest === enc.pt ? d : undefined;
  } catch {
    // Another key, or bytes that were changed: it cannot be read, which is all there is to say.
    return undefined;
  }
}

const associated = (kid: string, of: string): Uint8Array =>
  Buffer.from(`ledger-pii/v1\n${kid}\n${of}`, "utf8");

const asJson = (value: object): Json => value as Json;
