import type { KeyState } from "../../domain/state/state.ts";
import type { Names } from "./names.ts";

/** An API key, as the API shows it: never its token, never the token's digest. */
export const keyView = (key: KeyState, names: Pick<Names, "database">): object => ({
  id: key.id,
  name: key.name,
  roles: key.roles,
  actor: { id: key.actorId, name: key.name, kind: key.actorKind },
  databases: key.databases?.map((id) => names.database(id)) ?? null,
  issuedAt: key.issued.time,
  expiresAt: key.expiresAt,
  lastUsedAt: key.lastUsed?.time ?? null,
  revokedAt: key.revoked?.time ?? null,
});
