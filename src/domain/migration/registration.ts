import type { EventOf } from "../events.ts";
import type { Content } from "../ledger/ledger.ts";
import type { Digest } from "../shared/digest.ts";
import type { TrustVerdict } from "../trust/policy.ts";
import type { MigrationInput } from "./migration.ts";

/** A migration that may be registered. */
export interface Taken {
  readonly input: MigrationInput;
  readonly checksum: string;
  readonly trust: TrustVerdict | undefined;
}

/** The events that register migrations, with the texts that they name by digest. */
export function registrations(
  taken: readonly Taken[],
  digest: Digest,
): {
  readonly events: readonly EventOf<"MigrationRegistered">[];
  readonly contents: readonly Content[];
} {
  const contents = new Map<string, Content>();
  const keep = (text: string): string => {
    const content = { digest: digest.ofText(text), text };
    contents.set(content.digest, content);
    return content.digest;
  };
  const events = taken.map(({ input, checksum, trust }): EventOf<"MigrationRegistered"> => ({
    type: "MigrationRegistered",
    data: {
      version: input.version,
      name: input.name,
      checksum,
      up: keep(input.up),
      ...(input.down === undefined ? {} : { down: keep(input.down) }),
      ...(input.verify === undefined ? {} : { verify: keep(input.verify) }),
      transaction: input.transaction ?? "required",
      allow: input.allow ?? {},
      ...(input.order === undefined ? {} : { order: input.order }),
      ...(input.repeatable === true ? { repeatable: true } : {}),
      ...(input.language === undefined ? {} : { language: input.language }),
      ...(input.functions === undefined ? {} : { functions: keep(input.functions) }),
      ...(input.source === undefined ? {} : { source: keep(input.source) }),
      ...(input.signature === undefined ? {} : { signature: keep(input.signature) }),
      ...(trust === undefined ? {} : { trust }),
    },
  }));
  return { events, contents: [...contents.values()] };
}
