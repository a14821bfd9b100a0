import type { Role } from "../../domain/service/events.ts";
import type { Actor, Context } from "../../domain/shared/actor.ts";
import type { Identity } from "../../domain/trust/policy.ts";

/** Who is behind a request, as proved. */
export interface Principal {
  readonly actor: Actor;
  readonly authn: Context["authn"];
  readonly roles: readonly Role[];
  /** Ids of the databases that may be seen and worked on; null: all, and the service itself. */
  readonly databases: readonly string[] | null;
  /** Of tokens of an identity provider: what they say. */
  readonly identity?: Identity;
}
