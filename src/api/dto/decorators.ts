import "reflect-metadata";
import { Transform, Type, type ClassConstructor } from "class-transformer";
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsIn,
  IsInt,
  IsISO8601,
  IsObject,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
  ValidateBy,
  ValidateIf,
  ValidateNested,
} from "class-validator";

/** Longest SQL text of one script, characters. */
const MAX_SQL = 16 << 20;

const all =
  (...decorators: readonly PropertyDecorator[]): PropertyDecorator =>
  (target, property) =>
    decorators.forEach((decorate) => decorate(target, property));

/** May be left out. Unlike IsOptional it refuses null: a null is nearly always a caller's fault. */
export const Optional = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined);

/** May be left out; null takes away what is there. */
export const Clearable = (): PropertyDecorator =>
  ValidateIf((_, value) => value !== undefined && value !== null);

/** A list of nested DTOs. ValidateNested alone lets a list inside the list through. */
export const ListOf = <T>(dto: () => ClassConstructor<T>): PropertyDecorator =>
  all(IsArray(), IsObject({ each: true }), ValidateNested({ each: true }), Type(dto));

/** One nested DTO. */
export const Nested = <T>(dto: () => ClassConstructor<T>): PropertyDecorator =>
  all(IsObject(), ValidateNested(), Type(dto));

/** A text of 1 to `max` characters. */
export const Text = (max: number): PropertyDecorator =>
  all(IsString(), MinLength(1), MaxLength(max));

/** A text for people, that may be empty. */
export const FreeText = (max: number): PropertyDecorator => all(IsString(), MaxLength(max));

/** A script of SQL. It may be empty: a step can be there for its number alone, a down undo nothing. */
export const Sql = (): PropertyDecorator => all(IsString(), MaxLength(MAX_SQL));

const VERSION = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** A migration's version. A non-negative integer is taken as its decimal text. */
export const Version = (): PropertyDecorator =>
  all(
    Transform(({ value }: { value: unknown }) =>
      Number.isSafeInteger(value) && (value as number) >= 0 ? String(value) : value,
    ),
    Matches(VERSION, {
      message: "$property must be 1 to 128 letters, digits, dots, dashes or underscores",
    }),
  );

/** One to `max` names. */
export const Names = (max: number): PropertyDecorator =>
  all(
    IsArray(),
    ArrayMinSize(1),
    ArrayMaxSize(max),
    IsString({ each: true }),
    MinLength(1, { each: true }),
    MaxLength(255, { each: true }),
  );

/** An object of texts: 1 to `count` members whose names match, each a text of 1 to `max` characters. */
export const TextMap = (count: number, name: RegExp, max: number): PropertyDecorator =>
  ValidateBy({
    name: "textMap",
    validator: {
      validate: (value: unknown): boolean => {
        if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
        const members: [string, unknown][] = Object.entries(value);
        const isText = (one: unknown): boolean =>
          typeof one === "string" && one.length > 0 && one.length <= max;
        return (
          members.length > 0 &&
          members.length <= count &&
          members.every(([key, text]) => name.test(key) && isText(text))
        );
      },
      defaultMessage: () =>
        `$property must be an object of 1 to ${count} texts of 1 to ${max} characters`,
    },
  });

/** A whole number in the query. */
export const QueryInt = (min: number, max: number): PropertyDecorator =>
  all(
    Transform(({ value }: { value: unknown }) => wholeNumber(value)),
    IsInt(),
    Min(min),
    Max(max),
  );

/** Name of the validation of `QueryIntOr`; its constraints are the word and the bounds. */
export const INT_OR = "intOr";

/** As `QueryInt`, or the word. */
export const QueryIntOr = (word: string, min: number, max: number): PropertyDecorator =>
  all(
    Transform(({ value }: { value: unknown }) => wholeNumber(value)),
    ValidateBy({
      name: INT_OR,
      constraints: [word, min, max],
      validator: {
        validate: (value) =>
          value === word || (Number.isSafeInteger(value) && value >= min && value <= max),
        defaultMessage: () => `$property must be ${min} to ${max}, or ${word}`,
      },
    }),
  );

const wholeNumber = (value: unknown): unknown =>
  typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;

/** One or several of the values: as a list with commas, or the parameter repeated. */
export const QueryList = (values: readonly string[]): PropertyDecorator =>
  all(
    Transform(({ value }: { value: unknown }) =>
      [value].flat().flatMap((part) => (typeof part === "string" ? part.split(",") : [part])),
    ),
    IsArray(),
    ArrayMaxSize(values.length),
    IsIn(values, values.length > FEW ? { each: true, message: UNKNOWN } : { each: true }),
  );

/** More are not listed in a message. */
const FEW = 20;
const UNKNOWN = "$property has a name that is not known; GET /openapi.json lists them";

const TIME = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;

/** A point in time, RFC 3339. */
export const Time = (): PropertyDecorator =>
  all(
    IsISO8601({ strict: true }, { message: "$property must be a real date and time" }),
    Matches(TIME, { message: "$property must be an RFC 3339 time: 2026-01-02T03:04:05.678Z" }),
    ValidateBy({
      name: "inYears",
      validator: {
        validate: (value: unknown): boolean => isWritable(String(value)),
        defaultMessage: () => "$property must lie in the years 1 to 9999 of UTC",
      },
    }),
  );

/** An offset can lead out of the years that are written with four digits. */
function isWritable(time: string): boolean {
  const ms = Date.parse(time);
  return !Number.isNaN(ms) && ms >= EARLIEST && ms <= LATEST;
}

const EARLIEST = Date.parse("0001-01-01T00:00:00.000Z");
const LATEST = Date.parse("9999-12-31T23:59:59.999Z");

const INDEX = /^\d{1,15}$/;

/** A point of the ledger: an event's index, a time as in `Time`, or one of the words. */
export const Point = (...words: readonly string[]): PropertyDecorator =>
  all(
    IsString(),
    Matches(
      new RegExp([...words.map((word) => `^${word}$`), INDEX.source, TIME.source].join("|")),
      {
        message: `$property must be ${[...words, "an event's index", "an RFC 3339 time"].join(", ")}`,
      },
    ),
  );
