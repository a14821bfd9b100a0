import {
  sameMeaning,
  type Constraint,
  type ConstraintKind,
  type Definition,
  type Meaning,
  type Renamed,
} from "./definition.ts";
import type { SchemaObject, SchemaRenames } from "./schema.ts";

/** The event that made or changed something of a schema, and what was behind it. */
export interface Origin {
  readonly kind: "baseline" | "adoption" | "migration" | "rollback" | "restore" | "drift";
  readonly index: number;
  readonly time: string;
  /** Pseudonym. */
  readonly actor: string;
  /** Of a migration or rollback: whose script it was. */
  readonly version?: string;
  readonly runId?: string;
  readonly restoreId?: string;
  readonly adoptionId?: string;
}

/** Who made something, who changed it last, and the names it had before. */
export interface Blamed {
  readonly made: Origin;
  readonly changed: Origin;
  /** Oldest first. */
  readonly formerNames: readonly string[];
}

export interface BlamedColumn extends Blamed {
  readonly name: string;
  readonly meaning: Meaning;
}

export interface BlamedConstraint extends Blamed {
  readonly kind: ConstraintKind;
  readonly name: string | null;
  readonly column: string | null;
  readonly text: string;
  readonly meaning: Meaning;
}

export interface BlamedObject extends Blamed {
  readonly object: SchemaObject;
  readonly definition: Definition;
  readonly columns: readonly BlamedColumn[];
  readonly constraints: readonly BlamedConstraint[];
}

/** By type and name. Never changed in place: an older one can be kept at no cost. */
export type Blame = ReadonlyMap<string, BlamedObject>;

export const NOTHING_BLAMED: Blame = new Map();

const NO_RENAMES: SchemaRenames = { tables: [], columns: [] };

type Describe = (object: SchemaObject) => Definition;

/** What `schema`, to which `origin` led, owes to whom. */
export function blame(
  before: Blame,
  schema: readonly SchemaObject[],
  origin: Origin,
  describe: Describe,
  renames: SchemaRenames = NO_RENAMES,
): Blame {
  const next = new Follower(before, renames, origin, describe);
  return new Map(schema.map((object) => [keyOf(object), next.of(object)]));
}

/**
 * After a restore: what it brought back is who made it before, as the schema stood at the backup
 * (`then`); what it changed by that was changed by the restore.
 */
export function blameRestored(
  before: Blame,
  then: Blame,
  schema: readonly SchemaObject[],
  origin: Origin,
  describe: Describe,
): Blame {
  const restored = blame(before, schema, origin, describe);
  return new Map(
    [...restored].map(([key, entry]) => {
      const was = then.get(key);
      return [key, was === undefined ? entry : broughtBack(entry, was, origin)];
    }),
  );
}

/**
 * With an adoption: what was there before anything was known of it is owed to the migrations of the
 * other tool. Which of them made what, its history does not say.
 */
export function blameAdopted(blamed: Blame, origin: Origin): Blame {
  const own = (from: Origin): Origin => (from.kind === "baseline" ? origin : from);
  const adopted = <T extends Blamed>(part: T): T => ({
    ...part,
    made: own(part.made),
    changed: own(part.changed),
  });
  return new Map(
    [...blamed].map(([key, entry]) => [
      key,
      {
        ...adopted(entry),
        columns: entry.columns.map(adopted),
        constraints: entry.constraints.map(adopted),
      },
    ]),
  );
}

const keyOf = ({ type, name }: Pick<SchemaObject, "type" | "name">): string => `${type}:${name}`;

function broughtBack(entry: BlamedObject, was: BlamedObject, origin: Origin): BlamedObject {
  const own = <T extends Blamed>(now: T, then: T | undefined): T =>
    now.made !== origin || then === undefined
      ? now
      : { ...now, made: then.made, formerNames: then.formerNames };
  return {
    ...own(entry, was),
    columns: entry.columns.map((column) =>
      own(
        column,
        was.columns.find(({ name }) => name === column.name),
      ),
    ),
    constraints: entry.constraints.map((constraint) =>
      own(
        constraint,
        was.constraints.find((other) => sameConstraint(other, constraint, new Map())),
      ),
    ),
  };
}

/** Finds for each object of a schema what it was before. */
class Follower {
  readonly #before: Blame;
  readonly #origin: Origin;
  readonly #describe: Describe;
  readonly #renamed: Renamed;
  /** Present name of a table → the name it had. */
  readonly #tables: ReadonlyMap<string, string>;
  /** Names that are no longer those of the tables that had them. */
  readonly #left: ReadonlySet<string>;
  /** By table: present name of a column → the name it had. */
  readonly #columns = new Map<string, Map<string, string>>();

  constructor(before: Blame, renames: SchemaRenames, origin: Origin, describe: Describe) {
    this.#before = before;
    this.#origin = origin;
    this.#describe = describe;
    this.#renamed = tokensOf(renames);
    this.#tables = new Map(renames.tables.map(({ from, to }) => [to, from]));
    this.#left = new Set(renames.tables.map(({ from }) => from));
    for (const { table, from, to } of renames.columns) {
      const columns = this.#columns.get(table) ?? new Map<string, string>();
      this.#columns.set(table, columns.set(to, from));
    }
  }

  of(object: SchemaObject): BlamedObject {
    const was = this.#previous(object);
    if (was?.object === object) return was;
    const definition = this.#describe(object);
    const { columns, constraints } = was ?? { columns: [], constraints: [] };
    const now = {
      object,
      definition,
      columns: this.#columnsOf(object.name, definition, columns),
      constraints: this.#constraintsOf(definition, constraints),
    };
    if (was === undefined) return { ...now, ...this.#fresh() };
    const renamed = was.object.name !== object.name;
    return {
      ...now,
      made: was.made,
      changed: renamed || !this.#same(was, now) ? this.#origin : was.changed,
      formerNames: renamed ? [...was.formerNames, was.object.name] : was.formerNames,
    };
  }

  #previous({ type, name }: SchemaObject): BlamedObject | undefined {
    if (type !== "table") return this.#before.get(keyOf({ type, name }));
    const from = this.#tables.get(name);
    if (from !== undefined) return this.#before.get(keyOf({ type, name: from }));
    return this.#left.has(name) ? undefined : this.#before.get(keyOf({ type, name }));
  }

  /** The order of columns counts: it is what `SELECT *` gives. */
  #same(was: BlamedObject, now: Pick<BlamedObject, "definition" | "columns" | "constraints">) {
    const unchanged = ({ changed }: Blamed): boolean => changed !== this.#origin;
    return (
      sameMeaning(was.definition.meaning, now.definition.meaning, this.#renamed) &&
      was.columns.length === now.columns.length &&
      now.columns.every((part, at) => unchanged(part) && part.name === was.columns[at]!.name) &&
      was.constraints.length === now.constraints.length &&
      now.constraints.every(unchanged)
    );
  }

  #columnsOf(
    table: string,
    { columns }: Definition,
    before: readonly BlamedColumn[],
  ): BlamedColumn[] {
    const names = this.#columns.get(table) ?? new Map<string, string>();
    const left = new Set(names.values());
    const known = new Map(before.map((column) => [column.name, column]));
    return columns.map(({ name, meaning }) => {
      const from = names.get(name) ?? (left.has(name) ? undefined : name);
      const was = from === undefined ? undefined : known.get(from);
      if (was === undefined) return { name, meaning, ...this.#fresh() };
      const renamed = was.name !== name;
      const same = !renamed && sameMeaning(was.meaning, meaning, this.#renamed);
      return {
        name,
        meaning,
        made: was.made,
        changed: same ? was.changed : this.#origin,
        formerNames: renamed ? [...was.formerNames, was.name] : was.formerNames,
      };
    });
  }

  /** Each is claimed once: a table can have the same constraint twice. */
  #constraintsOf(
    { constraints }: Definition,
    before: readonly BlamedConstraint[],
  ): BlamedConstraint[] {
    const unclaimed = [...before];
    return constraints.map((constraint) => {
      const at = unclaimed.findIndex((was) => sameConstraint(was, constraint, this.#renamed));
      if (at < 0) return { ...constraint, ...this.#fresh() };
      const [was] = unclaimed.splice(at, 1);
      const same = sameMeaning(was!.meaning, constraint.meaning, this.#renamed);
      return {
        ...constraint,
        made: was!.made,
        changed: same ? was!.changed : this.#origin,
        formerNames: was!.formerNames,
      };
    });
  }

  #fresh(): Blamed {
    return { made: this.#origin, changed: this.#origin, formerNames: [] };
  }
}

/** A constraint with a name is known by it, one without by where it is and what it says. */
function sameConstraint(was: Constraint, now: Constraint, renamed: Renamed): boolean {
  if (was.kind !== now.kind) return false;
  if (was.name !== null && now.name !== null) return was.name === now.name;
  const place = ({ column }: Constraint): Meaning => (column === null ? [] : [nameToken(column)]);
  return (
    was.name === now.name &&
    sameMeaning(place(was), place(now), renamed) &&
    sameMeaning(was.meaning, now.meaning, renamed)
  );
}

function tokensOf({ tables, columns }: SchemaRenames): Renamed {
  const renamed = new Map<string, Set<string>>();
  for (const { from, to } of [...tables, ...columns]) {
    const token = nameToken(from);
    renamed.set(token, (renamed.get(token) ?? new Set()).add(nameToken(to)));
  }
  return renamed;
}

const nameToken = (name: string): string =>
  `i:${name.replace(/[A-Z]+/g, (upper) => upper.toLowerCase())}`;
