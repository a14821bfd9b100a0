import type { Happened } from "../state/state.ts";
import type { ChecksumVerdict, Claimed } from "./events.ts";
import type { ToolName } from "./history-table.ts";

/** A table of another tool, as it was read last. */
export interface ImportedHistory {
  readonly adoptionId: string;
  readonly tool: ToolName;
  readonly table: string;
  readonly beside: string | undefined;
  readonly rows: number;
  readonly dumpDigest: string;
  /** `lapsed`: a backup from before it was restored; the table must be read again. */
  readonly imported: Happened;
  lapsed: boolean;
}

/** Where an applied version comes from that the ledger did not apply. */
export interface Adopted {
  readonly adoptionId: string;
  readonly tool: ToolName;
  readonly table: string;
  readonly claimed: Claimed;
  readonly checksum: ChecksumVerdict;
  readonly file: "present" | "missing";
  readonly index: number;
}

/** Names one table: two tools may have one of the same name in different files. */
export const historyKey = (table: string, beside: string | undefined): string =>
  beside === undefined ? table : `${beside}:${table}`;
