import type { Adopted } from "../adoption/adoption-state.ts";
import type { Allowances, TransactionMode } from "../database/events.ts";
import type { CodeLanguage, Deviation } from "../migration/migration.ts";
import type { TrustVerdict } from "../trust/policy.ts";
import type { Happened } from "./state.ts";

export type MigrationStatus = "pending" | "applied" | "failed" | "reverted";

/** A registered migration, and what has become of it. */
export interface MigrationState {
  readonly version: string;
  readonly name: string;
  /** Null, as `up`: another tool applied it, and nobody has shown its file. */
  readonly checksum: string | null;
  readonly up: string | null;
  readonly down: string | undefined;
  readonly verify: string | undefined;
  readonly transaction: TransactionMode;
  readonly allow: Allowances;
  readonly order: string | undefined;
  readonly repeatable: boolean | undefined;
  readonly source: string | undefined;
  /** Digest of the signature file that came with it. */
  readonly signature: string | undefined;
  readonly trust: TrustVerdict | undefined;
  readonly language: CodeLanguage | undefined;
  readonly functions: string | undefined;
  /** The first time: an edited text that was accepted since does not change it. */
  readonly registered: Happened;
  /** When and by whom the text as it is now was brought: registered, or accepted in another's place. */
  readonly taken: Happened;
  /** What people decided about it, in order. */
  readonly accepted: readonly (Happened & { readonly deviation: Deviation })[];
  state: MigrationStatus;
  /**
   * Set while the state is `applied`. `runId` null: adopted, so that the database has no marker of it.
   * `fingerprintBefore` null: not known (found, restored or adopted).
   */
  applied:
    | (Happened & { readonly runId: string | null; readonly fingerprintBefore: string | null })
    | null;
  /** What another tool's history said of it last. */
  adopted: Adopted | null;
}
