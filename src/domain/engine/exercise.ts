import type { SchemaChange, SchemaObject } from "../schema/schema.ts";
import type { Failure } from "../shared/errors.ts";
import type { StepResult, StepScript } from "./database-engine.ts";

/** One migration tried on a scratch database: there, back and there again. */
export interface ExerciseRequest {
  /** Made if it is not there. Keeps what `up` and the fixtures made; the way back runs on a copy beside it. */
  readonly scratchPath: string;
  readonly up: StepScript;
  readonly down?: StepScript;
  /** Fills every table up to so many generated rows first, as constraints allow. Null: no. */
  readonly fill: { readonly rows: number; readonly nulls: boolean } | null;
  /** Queries that must hold afterwards, as in a verify script. */
  readonly expect?: string;
  /** Loaded at the end: what the next migrations find. */
  readonly fixtures: readonly Fixture[];
}

/** Rows of tests. */
export type Fixture =
  | { readonly file: string; readonly sql: string }
  | { readonly file: string; readonly table: string; readonly rows: readonly FixtureRow[] };

/** Values by column; binary ones as `{"$hex": "00ff"}`. */
export type FixtureRow = {
  readonly [column: string]: string | number | boolean | null | { readonly $hex: string };
};

/** What became of it. A part that was not reached is absent. */
export interface Exercise {
  /** Rows that were generated, by table, and tables that took none. */
  readonly filled: { readonly rows: number; readonly empty: readonly string[] };
  readonly up: StepResult;
  readonly expect?: Failure | null;
  readonly down?: StepResult;
  /** How the database after `down` is not the one before `up`. */
  readonly back?: Difference;
  /** `up` once more after `down`. */
  readonly again?: StepResult;
  /** How the database is then not the one that `up` led to first. */
  readonly forth?: Difference;
  readonly fixtures?: Failure | null;
  /** At the end. */
  readonly schema: readonly SchemaObject[];
}

/** Nothing at all if both are empty. */
export interface Difference {
  readonly schema: readonly Pick<SchemaChange, "change" | "type" | "name">[];
  /** Tables of both whose rows are others. */
  readonly rows: readonly string[];
}
