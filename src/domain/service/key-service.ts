import { SERVICE_STREAM } from "../events.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Context } from "../shared/actor.ts";
import type { Clock } from "../shared/clock.ts";
import type { Digest } from "../shared/digest.ts";
import { Conflict, InvalidInput, NotFound } from "../shared/errors.ts";
import type { Ids } from "../shared/ids.ts";
import type { KeyState, LedgerState } from "../state/state.ts";
import type { Role } from "./events.ts";
import type { Pseudonyms } from "./pseudonyms.ts";

const TOKEN_BYTES = 32;
/** Default ignorable: they have no glyph of their own. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu;

/** What keys are made of and recorded in. */
export interface KeyServiceParts {
  readonly ledger: Ledger;
  readonly projection: { readonly state: LedgerState };
  readonly ids: Ids;
  readonly digest: Digest;
  readonly pseudonyms: Pseudonyms;
  readonly clock: Clock;
  /** Names are sealed in the state. */
  readonly open: (name: string) => string;
}

export interface KeyToIssue {
  readonly name: string;
  readonly roles: readonly Role[];
  /** Keys of one owner are one actor. Absent: the key is an actor of its own. */
  readonly owner?: string;
  /** Names or ids of the databases that it is limited to. */
  readonly databases?: readonly string[];
  /** RFC 3339, in the future. */
  readonly expiresAt?: string;
}

/** Issues and revokes API keys. A token is shown once; the ledger keeps its digest only. */
export class KeyService {
  readonly #parts: KeyServiceParts;
  /** Commands one after another: each decides on what the one before has recorded. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: KeyServiceParts) {
    this.#parts = parts;
  }

  /** Every key ever issued, in order of issue. */
  list(): readonly KeyState[] {
    return [...this.#state.keys.values()];
  }

  /** Errors: NotFound key-not-found. */
  find(keyId: string): KeyState {
    const key = this.#state.keys.get(keyId);
    if (key !== undefined) return key;
    throw new NotFound("key-not-found", `There is no key ${keyId}`, {
      hint: "List the keys with GET /v1/keys",
    });
  }

  /** `sl_` + base64url of 256 random bits. */
  newToken(): string {
    const { ids, digest } = this.#parts;
    const text = digest.base64(ids.random(TOKEN_BYTES));
    return `sl_${text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
  }

  /** Errors: Conflict key-name-taken while another valid key has the name. */
  async issue(
    key: KeyToIssue,
    context: Context,
  ): Promise<{ readonly key: KeyState; readonly token: string }> {
    const token = this.newToken();
    return { key: await this.introduce(token, key, context), token };
  }

  /** Issues a key for a token that exists already (the first key's is written to a file first). */
  introduce(token: string, key: KeyToIssue, context: Context): Promise<KeyState> {
    return this.#inTurn(() => this.#introduce(token, key, context));
  }

  async #introduce(token: string, key: KeyToIssue, context: Context): Promise<KeyState> {
    this.#refuseTakenName(key.name);
    const limits = this.#limitsOf(key);
    const { ledger, ids, digest, pseudonyms } = this.#parts;
    const keyId = ids.uuid();
    await ledger.append({
      stream: SERVICE_STREAM,
      expected: "any",
      context,
      events: [
        {
          type: "KeyIssued",
          data: {
            keyId,
            name: key.name,
            roles: [...new Set(key.roles)],
            tokenHash: digest.ofText(token),
            actorId:
              key.owner === undefined
                ? pseudonyms.of("api-key", ledger.origin, keyId)
                : pseudonyms.of("owner", ledger.origin, spelledAlike(key.owner)),
            actorKind: key.owner === undefined ? "service" : "user",
            ...limits,
          },
        },
      ],
    });
    return this.find(keyId);
  }

  /**
   * Makes the key's token useless, at once and for good; a key that is revoked stays so. Errors:
   * NotFound key-not-found · Conflict last-admin-key, because nobody could issue keys afterwards.
   */
  revoke(keyId: string, reason: string, context: Context): Promise<void> {
    return this.#inTurn(() => this.#revoke(keyId, reason, context));
  }

  async #revoke(keyId: string, reason: string, context: Context): Promise<void> {
    const key = this.find(keyId);
    if (key.revoked !== null) return;
    const others = this.list().filter((other) => other.id !== keyId && isAdmin(other));
    if (isAdmin(key) && others.length === 0)
      throw new Conflict("last-admin-key", "The last admin key cannot be revoked", {
        hint: "Issue another key with the role admin first",
      });
    await this.#parts.ledger.append({
      stream: SERVICE_STREAM,
      expected: "any",
      context,
      events: [{ type: "KeyRevoked", data: { keyId, reason } }],
    });
  }

  /** Errors: InvalidInput key-database-unknown | key-expired-already | key-admin-limited. */
  #limitsOf({ databases, expiresAt, roles }: KeyToIssue): {
    readonly databases?: readonly string[];
    readonly expiresAt?: string;
  } {
    if (databases !== undefined && roles.includes("admin"))
      throw new InvalidInput("key-admin-limited", "An admin key cannot be limited to databases", {
        hint: "Leave out databases, or give other roles",
      });
    if (expiresAt !== undefined && Date.parse(expiresAt) <= Date.parse(this.#parts.clock.now()))
      throw new InvalidInput("key-expired-already", "The key would have expired already", {
        hint: "Give a time in the future",
      });
    return {
      ...(databases === undefined
        ? {}
        : { databases: [...new Set(databases.map((name) => this.#databaseId(name)))] }),
      ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString() }),
    };
  }

  #databaseId(name: string): string {
    const { databaseIds, databases } = this.#state;
    const id = databaseIds.get(name) ?? name;
    if (databases.has(id)) return id;
    throw new InvalidInput("key-database-unknown", `No database is registered as ${name}`, {
      hint: "Register the database first",
    });
  }

  #inTurn<T>(command: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(command);
    // Whoever asked hears of its failure; the next one does not.
    this.#turn = done.catch(() => {});
    return done;
  }

  get #state(): LedgerState {
    return this.#parts.projection.state;
  }

  #refuseTakenName(name: string): void {
    if (this.list().some((key) => key.revoked === null && this.#parts.open(key.name) === name))
      throw new Conflict("key-name-taken", `A valid key is named ${name} already`, {
        hint: "Choose another name, or revoke that key first",
      });
  }
}

/**
 * One person's name however it is typed: composed or decomposed letters, wide ones, capitals, more
 * spaces, and characters that nobody sees make nobody else of them.
 */
const spelledAlike = (owner: string): string =>
  owner
    .normalize("NFKC")
    .toLowerCase()
    .replace(INVISIBLE, "")
    .replace(/\s+/g, " ")
    .trim()
    .normalize("NFKC");

/** A key that expires cannot be the one that is left. */
const isAdmin = (key: KeyState): boolean =>
  key.revoked === null && key.expiresAt === null && key.roles.includes("admin");
