/** A part of a report for people, the same in every format that shows parts. */
export interface Section {
  /** Names it within the document: letters, digits, dashes. */
  readonly id: string;
  /** 1 for the chapters, 2 for what is in one. */
  readonly level: 1 | 2;
  readonly title: string;
  readonly note?: string;
  readonly facts?: readonly Fact[];
  readonly tables?: readonly Table[];
  /** Text as it is: SQL. */
  readonly text?: string;
}

export type Fact = readonly [label: string, value: string];

export interface Table {
  readonly title?: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
}

export interface Column {
  readonly title: string;
  /** Share of the width, where the format must be told. */
  readonly share?: number;
  readonly number?: boolean;
  /** Its cells are texts with lines of their own. */
  readonly code?: boolean;
}
