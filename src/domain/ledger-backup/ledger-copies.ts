/** Makes copies of the ledger's own file. */
export interface LedgerCopies {
  /** One moment of the ledger as one file at `path`. Answers its number of events. */
  copyTo(path: string): Promise<{ readonly size: number }>;
}
