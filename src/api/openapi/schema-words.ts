import type { SchemaObject } from "openapi3-ts/oas31";

/** Named schemas. */
export type Schemas = { readonly [name: string]: SchemaObject };
export type Properties = { readonly [name: string]: SchemaObject };

/** A text, with an example perhaps. */
export const text = (description: string, example?: string): SchemaObject => ({
  type: "string",
  description,
  ...(example === undefined ? {} : { examples: [example] }),
});
/** The same, or null. */
export const orNull = (schema: SchemaObject): SchemaObject => ({
  ...schema,
  type: [schema.type as "string", "null"],
});
/** A UUID. */
export const uuid = (description: string): SchemaObject => ({
  type: "string",
  format: "uuid",
  description,
});
/** A point in time, RFC 3339. */
export const time = (description: string): SchemaObject => ({
  type: "string",
  format: "date-time",
  description,
});
/** A whole number from 0. */
export const count = (description: string): SchemaObject => ({
  type: "integer",
  minimum: 0,
  description,
});
/** True or false. */
export const flag = (description: string): SchemaObject => ({ type: "boolean", description });
/** One of these texts. */
export const oneOf = (...values: readonly string[]): SchemaObject => ({
  type: "string",
  enum: [...values],
});
/** A list of a named schema. */
export const listOf = (name: string): SchemaObject => ({
  type: "array",
  items: ref(name),
});
/** A list of texts. */
export const texts = (description: string): SchemaObject => ({
  type: "array",
  items: { type: "string" },
  description,
});
/** A named schema. */
export const ref = (name: string): SchemaObject =>
  ({ $ref: `#/components/schemas/${name}` }) as SchemaObject;
/** A named schema, or null. */
export const nullable = (name: string): SchemaObject => ({ oneOf: [ref(name), { type: "null" }] });
/** Whatever the description says. */
export const anything = (description: string): SchemaObject => ({ description });

/** An answer's object. Members not named here may be added at any time. */
export const object = (
  properties: Properties,
  required = Object.keys(properties),
): SchemaObject => ({
  type: "object",
  properties: properties as { [name: string]: SchemaObject },
  required,
});

const page = (name: string): SchemaObject =>
  object({
    items: listOf(name),
    next: orNull(text("Pass it as `after` for the next page; null on the last one")),
  });

/** A page of each of these: `DatabaseList` for `Database`. */
export const pagesOf = (...names: readonly string[]): Schemas =>
  Object.fromEntries(names.map((name) => [`${name}List`, page(name)]));
