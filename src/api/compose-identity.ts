import { AccessRecorder } from "../domain/service/access-recorder.ts";
import { QuietRecorder } from "../domain/service/quiet-recorder.ts";
import { MigrationTrust } from "../domain/trust/migration-trust.ts";
import { RegisteredLimits } from "../domain/trust/registered-limits.ts";
import { NodeSignatures } from "../infra/signatures/node-signatures.ts";
import type { TokenIssuer } from "../domain/service/token-issuer.ts";
import type { OidcIssuer, OidcOptions } from "../infra/identity/oidc-issuer.ts";
import type { CoreConfig } from "./config.ts";
import type { Opened } from "./container.ts";
import type { Services } from "./services.ts";
import type { One, Resolver } from "./tokens.ts";
import * as t from "./tokens.ts";

/** What records who uses the service and who is refused. */
export function addIdentity(one: One): void {
  one(
    t.ACCESS_RECORDER,
    (c) =>
      new AccessRecorder({
        quiet: c.resolve(t.QUIET_RECORDER),
        projection: c.resolve(t.PROJECTION),
        clock: c.resolve(t.CLOCK),
      }),
  );
  one(
    t.QUIET_RECORDER,
    (c) =>
      new QuietRecorder({
        ledger: c.resolve(t.LEDGER),
        clock: c.resolve(t.CLOCK),
        report: c.resolve(t.BACKGROUND).report,
      }),
  );
  one(t.SIGNATURES, () => new NodeSignatures());
  one(
    t.MIGRATION_TRUST,
    (c) =>
      new MigrationTrust({
        ledger: c.resolve(t.LEDGER),
        signatures: c.resolve(t.SIGNATURES),
        clock: c.resolve(t.CLOCK),
        limits: new RegisteredLimits({
          ledger: c.resolve(t.LEDGER),
          dialects: c.resolve(t.DIALECTS),
          digest: c.resolve(t.DIGEST),
        }),
      }),
  );
}

/** Where the ledger cannot be written, who uses the service is not on record. */
const UNRECORDED: Services["access"] = { used: () => {}, refused: () => {} };

/** Their names. */
export const IDENTITY = { access: true, identity: true, actors: true } as const;

/** The members of `Services` by which callers are recognised. */
export function identityServices(
  c: Resolver,
  { oidc }: CoreConfig,
  { pseudonyms, actors, follows }: Opened,
): Pick<Services, "access" | "identity" | "actors"> {
  return {
    actors,
    access: follows === undefined ? c.resolve(t.ACCESS_RECORDER) : UNRECORDED,
    identity: {
      digest: c.resolve(t.DIGEST),
      clock: c.resolve(t.CLOCK),
      pseudonyms,
      actors,
      ...(oidc === undefined ? {} : { issuer: issuerOf(oidc) }),
    },
  };
}

/** What verifies tokens is loaded with the first one. */
function issuerOf(options: OidcOptions): TokenIssuer {
  let loaded: Promise<OidcIssuer> | undefined;
  const load = async (): Promise<OidcIssuer> => {
    const { OidcIssuer: Issuer } = await import("../infra/identity/oidc-issuer.ts");
    return new Issuer(options);
  };
  return {
    verify: async (token) => {
      loaded ??= load();
      return (await loaded).verify(token);
    },
  };
}
