import type { BlameQuery } from "../dto/schema.query.ts";
import type { Blame, Blamed, BlamedObject, Origin } from "../../domain/schema/blame.ts";
import type { DatabaseState } from "../../domain/state/state.ts";
import type { Names } from "./names.ts";

type BlamedType = NonNullable<BlameQuery["type"]>;

/** One part of a schema with who made it and who changed it last. */
export interface BlameItem extends Blamed {
  readonly type: BlamedType;
  readonly name: string | null;
  /** The table or view it belongs to. */
  readonly table: string;
  /** Constraints only. */
  readonly kind?: string;
  readonly column?: string | null;
  readonly text?: string;
}

/** Every part of a schema, one after the other: a table, its columns, its constraints. */
export function blameItems(blame: Blame, { type, object }: BlameQuery): BlameItem[] {
  return [...blame.values()]
    .filter(({ object: { name } }) => object === undefined || named(object).includes(name))
    .flatMap(itemsOf)
    .filter((item) => type === undefined || item.type === type);
}

/** PostgreSQL's names have their schema. */
const named = (name: string): readonly string[] => [name, `public.${name}`];

function itemsOf({ object, columns, constraints, made, changed, formerNames }: BlamedObject) {
  const { type, name, table } = object;
  const items: BlameItem[] = [{ type, name, table, made, changed, formerNames }];
  for (const { meaning: _, ...column } of columns) items.push({ type: "column", table, ...column });
  for (const { meaning: _, ...constraint } of constraints)
    items.push({ type: "constraint", table, ...constraint });
  return items;
}

/** As it is shown, with names as they are now. */
export function blameView(item: BlameItem, database: DatabaseState, names: Names): object {
  const { made, changed, ...what } = item;
  return {
    ...what,
    made: originView(made, database, names),
    changed: originView(changed, database, names),
  };
}

function originView(origin: Origin, { migrations }: DatabaseState, names: Names): object {
  const { kind, index, time, actor, version, runId, restoreId, adoptionId } = origin;
  return {
    kind,
    ...(version === undefined
      ? {}
      : { migration: { version, name: migrations.get(version)?.name ?? null } }),
    ...(runId === undefined ? {} : { runId }),
    ...(restoreId === undefined ? {} : { restoreId }),
    ...(adoptionId === undefined ? {} : { adoptionId }),
    eventIndex: index,
    time,
    actor: names.actor(actor),
  };
}
