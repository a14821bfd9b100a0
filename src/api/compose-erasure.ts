import { join } from "node:path";
import { ErasureService } from "../domain/erasure/erasure-service.ts";
import type { ActorNames } from "../domain/service/actor-names.ts";
import { Sealer } from "../infra/erasure/sealer.ts";
import { SubjectKeys } from "../infra/erasure/subject-keys.ts";
import type { CoreConfig } from "./config.ts";
import type { One } from "./tokens.ts";
import * as t from "./tokens.ts";
import { Texts } from "./views/texts.ts";

/** What keeps personal data erasable. */
export function addErasure(
  one: One,
  config: CoreConfig,
  actors: ActorNames,
  others: boolean,
): void {
  one(t.SUBJECT_KEYS, () => new SubjectKeys(join(config.data, "keys", "subjects"), { others }));
  one(
    t.SEALER,
    (c) => new Sealer(c.resolve(t.SUBJECT_KEYS), c.resolve(t.DIGEST), c.resolve(t.IDS)),
  );
  one(
    t.TEXTS,
    (c) => new Texts(c.resolve(t.PROJECTION), (sealed) => c.resolve(t.SEALER).open(sealed)),
  );
  one(
    t.ERASURE_SERVICE,
    (c) =>
      new ErasureService(
        c.resolve(t.LEDGER),
        c.resolve(t.PROJECTION),
        c.resolve(t.SUBJECT_KEYS),
        actors,
      ),
  );
}
