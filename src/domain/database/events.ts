import type { CodeLanguage } from "../migration/migration.ts";
import type { Deviation } from "../migration/migration.ts";
import type { Retention } from "../retention/retention.ts";
import type { SchemaChange, SchemaObject } from "../schema/schema.ts";
import type { ApprovalSignatures, TrustPolicy, TrustVerdict } from "../trust/policy.ts";
import type { SqlLimits } from "../trust/sql-limits.ts";

/** Events of one database outside runs: stream `database:<id>`. */
export interface DatabaseEvents {
  /** Intent of a registration; `SchemaBaselined` or `DatabaseQuarantined` is its outcome. */
  readonly DatabaseRegistered: {
    readonly databaseId: string;
    readonly name: string;
    readonly engine: EngineName;
    /** Where the database is, without credentials. */
    readonly url: string;
    readonly incarnation: string;
    readonly policy: Policy;
  };
  readonly SchemaBaselined: {
    readonly fingerprint: string;
    /** Version of the engine that produced the fingerprint: catalogue texts differ between them. */
    readonly engineVersion: string;
    readonly schema: readonly SchemaObject[];
    readonly physical: Physical;
    readonly recovered?: boolean;
    /** Set if it was measured with the adoption of another tool's history. */
    readonly adoptionId?: string;
  };
  readonly PolicyChanged: {
    readonly policy: Policy;
    readonly reason?: string;
    /** Set if it demands less than before where that needs consent. */
    readonly policyChangeId?: string;
  };
  readonly MigrationRegistered: {
    readonly version: string;
    readonly name: string;
    /** `sha256:` + hex over all that defines the migration. */
    readonly checksum: string;
    /** Digests of the texts in the content store. */
    readonly up: string;
    readonly down?: string;
    readonly verify?: string;
    readonly transaction: TransactionMode;
    readonly allow: Allowances;
    /** Where its tool orders otherwise than by version: compared in place of the version. */
    readonly order?: string;
    /** Runs after all versions. */
    readonly repeatable?: boolean;
    /** What it is written in if not in SQL. */
    readonly language?: CodeLanguage;
    /** Digest of the module with the SQL functions that it uses. */
    readonly functions?: string;
    /** Digest of the file's text, where values were put into it. */
    readonly source?: string;
    /** Digest of the signature file in the content store, if there was one. */
    readonly signature?: string;
    /** Why it was taken, where the policy asked who vouches for it. */
    readonly trust?: TrustVerdict;
  };
  /** Somebody tried to register what the policy refuses, or to swap what an open run is to execute. */
  readonly MigrationRefused: {
    readonly version: string;
    /** Absent: adopted, its text is not known. */
    readonly checksum?: string;
    /** The problem code answered. */
    readonly code: string;
    /** How many more followed since the last such event. Absent: this is the first. */
    readonly repeated?: number;
  };
  /** A migration that is not applied is given up; its version may be registered anew. */
  readonly MigrationWithdrawn: { readonly version: string; readonly reason: string };
  /** Somebody decided that a migration may differ from what the ledger expects of it. */
  readonly DeviationAccepted: {
    readonly version: string;
    readonly deviation: Deviation;
    readonly reason: string;
    /** Edited: what it is from here on. What ran stays what it was. */
    readonly registration?: DatabaseEvents["MigrationRegistered"];
  };
  readonly DriftDetected: {
    readonly expected: string;
    readonly found: string;
    readonly differences: readonly SchemaChange[];
    readonly runId?: string;
  };
  /** Somebody looked, and the schema is the ledger's. */
  readonly DriftChecked: { readonly fingerprint: string };
  /** What became of a drift: a decision, or it was found to be gone. */
  readonly DriftResolved: {
    readonly decision: DriftDecision;
    /** The drifted schema that was decided on. */
    readonly found: string;
    readonly reason: string;
    /** Adopted: the schema as it is, from here on also the ledger's. */
    readonly adopted?: {
      readonly fingerprint: string;
      readonly engineVersion: string;
      readonly schema: readonly SchemaObject[];
    };
    /** Reverted: the restore that brings the ledger's schema back. */
    readonly restoreId?: string;
  };
  readonly DatabaseQuarantined: { readonly code: string; readonly reason: string };
  readonly DatabaseReleased: { readonly reason: string };
  readonly DatabaseRetired: { readonly reason: string };
}

/** `gone`: the database was brought back to the ledger's schema by others. */
export type DriftDecision = "adopted" | "reverted" | "gone";

export type EngineName = "sqlite" | "postgres";

/** Facts of the file or cluster that are not part of the logical schema. */
export type Physical = SqlitePhysical | PostgresPhysical;

export interface SqlitePhysical {
  readonly journalMode: string;
  readonly pageSize: number;
  readonly pageCount: number;
  readonly encoding: string;
  readonly autoVacuum: number;
  readonly userVersion: number;
  readonly applicationId: number;
}

export interface PostgresPhysical {
  /** Of the cluster, for as long as it lives; null where the user may not ask for it. */
  readonly systemIdentifier: string | null;
  /** Of the database within the cluster. */
  readonly databaseOid: number;
  /** Another one after a failover or a recovery to a point in time; null as above. */
  readonly timeline: number | null;
  readonly serverVersion: number;
  readonly encoding: string;
  readonly collation: string;
  readonly bytes: number;
  /** Name and version. */
  readonly extensions: readonly string[];
  readonly dataChecksums: boolean;
}

/** `required`: one transaction a step. `none`: declared unable to run in one. */
export type TransactionMode = "required" | "none";

/** What a migration declares it is meant to do although it looks like loss. */
export interface Allowances {
  /** Tables that may end with fewer rows than before. */
  readonly rowLoss?: readonly string[];
}

export type Approvers = "people" | "provider";

export type OnFailure = "stop" | "revert" | "restore";

export interface Policy {
  /** Approvals needed before a run starts. */
  readonly approvals: number;
  /** Approvals that a plan needs which drops, rebuilds or deletes; at least `approvals`. */
  readonly approvalsIfDestructive?: number;
  /** Hours for which an approval counts. Absent: until the run starts. */
  readonly approvalHours?: number;
  /** Runs begin only while it is open. Absent: at any time. */
  readonly window?: MaintenanceWindow;
  /** Periods in which no run begins. */
  readonly freezes?: readonly Freeze[];
  /** Hours within which an emergency run must be reviewed. Default 72. */
  readonly reviewHours?: number;
  /**
   * `none`: runs take no backup, so they cannot rehearse or restore one; for servers that are backed up by
   * their operators. PostgreSQL alone. Absent: every run takes a verified backup first.
   */
  readonly backup?: "none";
  /** Execute the plan on a restored copy first. */
  readonly rehearse: boolean;
  /** Absent: `restore` if an applied step of the run was non-transactional, else `stop`. */
  readonly onFailure?: OnFailure;
  /** A step that runs longer is cancelled and rolled back. Absent: no limit. */
  readonly stepTimeoutMs?: number;
  /**
   * How long a step waits for one lock before it gives up, lets everybody by and tries again (postgres): whoever
   * waits for a table's lock makes all later ones wait. Absent: 200 ms.
   */
  readonly lockWaitMs?: number;
  /** Hours after which the newest verified backup is too old: an alert. Absent: never. */
  readonly backupAlertHours?: number;
  /**
   * `people`: only keys with an owner and bearers of a provider's tokens may approve; `provider`: the
   * latter alone. Absent: every key with the role, each of them somebody else.
   */
  readonly approvers?: Approvers;
  /** Whose own signatures approvals may, or must, carry. */
  readonly approvalSignatures?: ApprovalSignatures;
  /** Which backups are kept. Absent: all, nothing is pruned. */
  readonly retention?: Retention;
  /** Whose migrations are taken. Absent: those of anybody who may register. */
  readonly trust?: TrustPolicy;
  /** How much and what SQL a migration may have. Absent: no limits but the service's. */
  readonly sqlLimits?: SqlLimits;
}

/** Opens by the clock on the wall of its time zone, for some minutes. */
export interface MaintenanceWindow {
  /** Cron expression, five fields: `0 2 * * SAT`. */
  readonly opens: string;
  readonly minutes: number;
  /** IANA name: `Europe/Vienna`. */
  readonly timeZone: string;
}

/** RFC 3339 bounds, the end exclusive. */
export interface Freeze {
  readonly from: string;
  readonly to: string;
  readonly reason: string;
}

export const DEFAULT_POLICY: Policy = { approvals: 0, rehearse: true };
