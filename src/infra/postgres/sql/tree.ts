import type { Node } from "./parser.ts";

/** Every part of a tree that is an object, outermost first, with the member that holds it. */
export function* partsOf(root: unknown, member = ""): Generator<readonly [string, Node]> {
  if (Array.isArray(root)) {
    for (const part of root as unknown[]) yield* partsOf(part, member);
    return;
  }
  if (typeof root !== "object" || root === null) return;
  yield [member, root as Node];
  for (const [name, part] of Object.entries(root)) yield* partsOf(part, name);
}

/** A list member of a part. */
export const listOf = (node: Node, member: string): readonly Node[] =>
  Array.isArray(node[member]) ? (node[member] as Node[]) : [];

/** The texts of a list of names: `a.b.c`. */
export const namesOf = (list: readonly Node[]): string[] =>
  list.flatMap((part) => {
    const text = (part["String"] as { readonly sval?: unknown } | undefined)?.sval;
    return typeof text === "string" ? [text] : [];
  });

/** A table as it is written: its schema, if there is one, and its name. */
export interface Written {
  readonly schema: string | undefined;
  readonly name: string;
}

/** The table that a `RangeVar` names. */
export function rangeOf(part: unknown): Written | undefined {
  if (typeof part !== "object" || part === null || !("relname" in part)) return undefined;
  const { relname, schemaname } = part as { readonly [member: string]: unknown };
  if (typeof relname !== "string") return undefined;
  return { schema: typeof schemaname === "string" ? schemaname : undefined, name: relname };
}

/** As a name is written in declarations: `schema.name` or `name`, without quotes. */
export const written = ({ schema, name }: Written): string =>
  schema === undefined ? name : `${schema}.${name}`;

/** The objects that DROP, or COMMENT, names: lists of names in lists. */
export function droppedNames(node: Node): Written[] {
  return listOf(node, "objects").flatMap((object) => {
    const items = (object["List"] as Node | undefined) ?? {};
    const names = namesOf("items" in items ? listOf(items, "items") : [object]);
    const name = names.at(-1);
    return name === undefined ? [] : [{ schema: names.at(-2), name }];
  });
}
