import { compareVersions } from "./version-order.ts";

/** What a migration's place among the others follows from. */
export interface Placed {
  readonly version: string;
  /** Stands in for the version where a tool has another order than that of versions. */
  readonly order?: string | undefined;
  /** Runs after everything that has a version of its own. */
  readonly repeatable?: boolean | undefined;
}

/** The order in which migrations are applied: total, and known without looking at the others. */
export function compareMigrations(a: Placed, b: Placed): number {
  return (
    Number(a.repeatable ?? false) - Number(b.repeatable ?? false) ||
    compareVersions(a.order ?? a.version, b.order ?? b.version) ||
    compareVersions(a.version, b.version)
  );
}

/** The highest of those that have a version of their own. */
export const highest = <T extends Placed>(migrations: Iterable<T>): T | undefined =>
  [...migrations]
    .filter(({ repeatable }) => repeatable !== true)
    .toSorted(compareMigrations)
    .at(-1);
