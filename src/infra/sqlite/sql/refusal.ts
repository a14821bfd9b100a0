/** Why a statement must not run. */
export interface Refusal {
  /** Stable kebab-case. */
  readonly code: string;
  readonly reason: string;
  readonly hint: string;
}
