import { SCHEMA_OBJECT_TYPES } from "../../domain/schema/schema.ts";
import { IsIn } from "class-validator";
import { Optional, Point, QueryInt, Text } from "./decorators.ts";

/** When to look at the schema. */
export class SchemaQuery {
  /** Index of an event, or a time; default: now. */
  @Optional() @Point() at?: string;
}

/** What to compare. */
export class DiffQuery {
  /** Index of an event, a time, `ledger` (now, by the ledger) or `live`; default `ledger`. */
  @Optional() @Point("ledger", "live") from?: string;
  /** The same; default `live`. */
  @Optional() @Point("ledger", "live") to?: string;
}

export const BLAMED_TYPES = [...SCHEMA_OBJECT_TYPES, "column", "constraint"] as const;

/** Whom to blame for what. */
export class BlameQuery extends SchemaQuery {
  /** Only the object of this name, with its columns and constraints. Without a schema: the one in `public`. */
  @Optional() @Text(255) object?: string;
  @Optional() @IsIn(BLAMED_TYPES) type?: (typeof BLAMED_TYPES)[number];
  @Optional() @QueryInt(1, 1000) limit?: number;
  /** The `next` of the page before. */
  @Optional() @Text(100) after?: string;
}
