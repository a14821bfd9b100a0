import type { Finding } from "../migration/events.ts";
import type { Cell, ToolName } from "./history-table.ts";

/** Events of adopting another tool's history: in the stream of the database, all in one append. */
export interface AdoptionEvents {
  /** One table of another tool was read, once for each content that it had. */
  readonly HistoryImported: {
    readonly adoptionId: string;
    readonly tool: ToolName;
    /** As the table itself says; absent: it does not. */
    readonly toolVersion?: string;
    readonly table: string;
    /** The file beside the database that holds the table. Absent: the database itself. */
    readonly beside?: string;
    readonly rows: number;
    /** `sha256:` + hex over JCS of the rows in source order. */
    readonly dumpDigest: string;
    readonly findings: readonly Finding[];
    /** What was decided where the history alone does not say what is in force. */
    readonly decisions?: readonly AdoptionDecision[];
    readonly reason?: string;
  };
  /** What one row of that table says, or what follows from one. Nothing was executed. */
  readonly MigrationAdopted: {
    readonly adoptionId: string;
    readonly tool: ToolName;
    readonly table: string;
    /** Place among the rows, from 0. Null: no row of its own, see `implied`. */
    readonly position: number | null;
    /** Absent: the tool gives none (a repeatable script). */
    readonly version?: string;
    readonly name: string;
    readonly state: AdoptedState;
    /** From now on the ledger takes the version for applied. */
    readonly inForce: boolean;
    /** The row verbatim: column → value. Absent without a row. */
    readonly row?: { readonly [column: string]: Cell };
    /** What the other tool claims; nobody here has seen it. */
    readonly claimed: Claimed;
    readonly checksum: ChecksumVerdict;
    readonly file: "present" | "missing";
    /** The version whose row says that this one was applied, too. */
    readonly implied?: string;
    readonly note?: string;
  };
}

/** A version that the history leaves open, and what somebody says of it. */
export interface AdoptionDecision {
  readonly version: string;
  readonly as: "applied" | "not-applied";
}

export type AdoptedState =
  | "applied"
  | "failed"
  | "dirty"
  | "reverted"
  | "skipped"
  | "baseline"
  | "bootstrap";

/** `not-compared`: there is a checksum, but no file. */
export type ChecksumVerdict =
  | "match"
  | "mismatch"
  | "absent"
  | "algorithm-unknown"
  | "not-compared";

export interface Claimed {
  /** RFC 3339 if the tool's time zone is known, else without one. Absent: unknown. */
  readonly at?: string;
  /** What the time is the time of. */
  readonly atIs?: "run" | "file";
  /** Absent: unknown. */
  readonly by?: string;
  readonly byIs?: "database-user" | "self-declared";
  /** Who wrote the migration, where the tool says so: not who ran it. */
  readonly author?: string;
  readonly durationMs?: number;
}
