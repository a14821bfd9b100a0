import { checksumOf } from "../domain/migration/migration.ts";
import { compareMigrations } from "../domain/migration/migration-order.ts";
import {
  inputOf,
  type FileMigration,
  type MigrationSet,
  type UnmatchedFile,
} from "../domain/migration/migration-source.ts";
import type { Digest } from "../domain/shared/digest.ts";
import type { MigrationView } from "./desk.ts";

/** The database that a set is for, as far as that decides what of it counts. */
export interface SetContext {
  readonly registered: readonly MigrationView[];
  /** It has no tables and no other objects. Asked for only where the set has a baseline. */
  readonly isEmpty: () => boolean | Promise<boolean>;
  /** It is, byte by byte, the file that a baseline ships. */
  readonly isShipped?: boolean;
  readonly digest: Digest;
}

/**
 * What the files mean for one database: a baseline stands for what it replaces only where the database
 * began with it; one that runs again on change gets the number of its next version.
 */
export async function resolveSet(set: MigrationSet, context: SetContext): Promise<MigrationSet> {
  const based = await withBaseline(set, context);
  return {
    ...based,
    migrations: based.migrations.map((migration) =>
      migration.onChange === true ? numbered(migration, context) : migration,
    ),
  };
}

async function withBaseline(set: MigrationSet, context: SetContext): Promise<MigrationSet> {
  const baselines = set.migrations.filter(({ baseline }) => baseline === true);
  if (baselines.length === 0) return set;
  const { registered } = context;
  const known = new Set(registered.map(({ version }) => version));
  const begun = baselines.findLast(({ version }) => known.has(version));
  const base = begun ?? (registered.length === 0 ? await beginning(baselines, context) : undefined);
  const unmatched: UnmatchedFile[] = [...set.unmatched];
  const migrations = set.migrations.filter((migration) => {
    const reason = whyLeftOut(migration, base, known);
    if (reason === undefined) return true;
    unmatched.push({ file: migration.files[0] ?? migration.version, reason });
    return false;
  });
  return { ...set, migrations, unmatched };
}

/** The baseline that a database which has nothing registered begins with. */
async function beginning(
  baselines: readonly FileMigration[],
  { isEmpty, isShipped = false }: SetContext,
): Promise<FileMigration | undefined> {
  if (isShipped) return baselines.findLast(({ shipped }) => shipped !== undefined);
  const scripts = baselines.filter(({ shipped }) => shipped === undefined);
  return scripts.length > 0 && (await isEmpty()) ? scripts.at(-1) : undefined;
}

function whyLeftOut(
  migration: FileMigration,
  base: FileMigration | undefined,
  known: ReadonlySet<string>,
): string | undefined {
  if (migration === base || known.has(migration.version)) return undefined;
  if (migration.baseline === true)
    return base === undefined
      ? "a baseline, and the database did not begin empty"
      : `a baseline, and the database began with ${base.version}`;
  if (base === undefined || migration.repeatable === true) return undefined;
  return compareMigrations(migration, base) <= 0
    ? `baseline ${base.version} stands for it`
    : undefined;
}

/** `R.views`, then `R.views.2` for the text that replaces it, and so on. */
function numbered(migration: FileMigration, { registered, digest }: SetContext): FileMigration {
  const { version } = migration;
  const numbers = registered.flatMap((known) => {
    const number = numberOf(version, known.version);
    return number === undefined ? [] : [{ number, known }];
  });
  const newest = numbers.toSorted((a, b) => a.number - b.number).at(-1);
  if (newest === undefined) return migration;
  const isSame = newest.known.checksum === checksumOf(inputOf(migration), digest);
  const isOpen = newest.known.state !== "applied";
  const number = isSame || isOpen ? newest.number : newest.number + 1;
  if (number === 1) return migration;
  return {
    ...migration,
    version: `${version}.${number}`,
    // From the second time on it has no place among the others any more: it runs after them.
    repeatable: true,
    earlier: numbers.filter((one) => one.number < number).map(({ known }) => known.version),
  };
}

function numberOf(version: string, other: string): number | undefined {
  if (other === version) return 1;
  const number = other.startsWith(`${version}.`) ? other.slice(version.length + 1) : "";
  return /^[1-9]\d*$/.test(number) ? Number(number) : undefined;
}
