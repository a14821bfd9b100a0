import type { ActorNames } from "../domain/service/actor-names.ts";
import { AccessRecorder } from "../domain/service/access-recorder.ts";
import type { Pseudonyms } from "../domain/service/pseudonyms.ts";
import { OidcIssuer } from "../infra/identity/oidc-issuer.ts";
import type { CoreConfig } from "./config.ts";
import type { Services } from "./services.ts";
import type { One, Resolver } from "./tokens.ts";
import * as t from "./tokens.ts";

/** What records who uses the service and who is refused. */
export function addIdentity(one: One): void {
  one(
    t.ACCESS_RECORDER,
    (c) =>
      new AccessRecorder({
        ledger: c.resolve(t.LEDGER),
        projection: c.resolve(t.PROJECTION),
        clock: c.resolve(t.CLOCK),
        report: c.resolve(t.BACKGROUND).report,
      }),
  );
}

/** The members of `Services` by which callers are recognised. */
export function identityServices(
  c: Resolver,
  { oidc }: CoreConfig,
  pseudonyms: Pseudonyms,
  actors: ActorNames,
): Pick<Services, "access" | "identity" | "actors"> {
  return {
    actors,
    access: c.resolve(t.ACCESS_RECORDER),
    identity: {
      digest: c.resolve(t.DIGEST),
      clock: c.resolve(t.CLOCK),
      pseudonyms,
      actors,
      ...(oidc === undefined ? {} : { issuer: new OidcIssuer(oidc) }),
    },
  };
}
