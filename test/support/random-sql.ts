/** Seeded source of choices, so that a failing text can be made again. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An integer from 0 to `below` - 1. */
  roll(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.roll(items.length)]!;
  }
}

/** The schema that `validStatement` is valid for. */
export const RANDOM_SQL_SCHEMA = `CREATE TABLE t(a, b); CREATE TABLE "odd; name"("x'y" TEXT, [end;] TEXT);
CREATE TABLE übung(\`create trigger\` TEXT);`;

const LITERALS = [
  "'it''s; BEGIN'",
  "''",
  "';'",
  "x'0a'",
  "1.5e3",
  "'/* no'",
  "'-- no'",
  "'日本;'",
  "NULL",
];
const SPACES = [" ", "\n", "\r\n", "\t", " /* ; 'x */ ", " -- don't;\n", "  ", ' /*" [ */'];
const EXPRESSIONS = [
  (one: string, two: string): string => `CASE WHEN ${one} THEN ${two} END`,
  (one: string, two: string): string => `(${one} || ${two})`,
  (one: string, two: string): string => `CASE ${one} WHEN 1 THEN ${two} ELSE 'end;' END`,
  (one: string): string => `coalesce(${one}, "a", [b], \`a\`)`,
];

function expression(dice: Dice, depth = 0): string {
  if (depth > 2 || dice.roll(3) === 0) return dice.pick(LITERALS);
  return dice.pick(EXPRESSIONS)(expression(dice, depth + 1), expression(dice, depth + 1));
}

function change(dice: Dice): string {
  const gap = dice.pick(SPACES);
  const value = expression(dice);
  return dice.pick([
    `INSERT${gap}INTO t SELECT 1, ${value} FROM t`,
    `UPDATE t${gap}SET a = ${value}`,
    `DELETE FROM t${gap}WHERE b = ${value}`,
    `SELECT ${value}${gap}FROM t`,
  ]);
}

function trigger(dice: Dice): string {
  const name = dice.pick(["tr1", '"tr;1"', "[end;]", "`begin`", "'str;'", "übung2"]);
  const temp = dice.pick(["", "", " TEMP", " temporary"]);
  const body = Array.from(
    { length: 1 + dice.roll(3) },
    () => `${change(dice)}${dice.pick(SPACES)};`,
  );
  const gap = dice.pick(SPACES);
  return `CREATE${temp}${gap}TRIGGER ${name} AFTER UPDATE OF a ON t WHEN CASE new.a WHEN 1 THEN 0 END${gap}BEGIN ${body.join(dice.pick(SPACES))}${gap}END`;
}

/** One statement without its semicolon. */
export function validStatement(dice: Dice): string {
  const gap = dice.pick(SPACES);
  switch (dice.roll(5)) {
    case 0:
      return trigger(dice);
    case 1:
      return `SELECT "x'y", [end;]${gap}FROM "odd; name" WHERE "x'y" <> 'a;b'`;
    case 2:
      return `CREATE${gap}TABLE "new;${dice.roll(9)}"(a DEFAULT 'x;y', [b;] CHECK (a <> 'END;'))`;
    case 3:
      return `EXPLAIN${gap}SELECT * FROM übung`;
    default:
      return change(dice);
  }
}

const FRAGMENTS = `create|temp|temporary|trigger|end|explain|begin|select|CREATE|Trigger|END
|;|;|;|;|'|"|\`|[|]|(|)|a|ü|1|$x|.|,|-|/|*|--|/*|*/|''|';'|";"|[;]| |\r\n|; end;|create trigger|case
|x'`.split("|");

/** Any text: mostly not SQL. */
export function randomText(dice: Dice, length: number): string {
  let text = "";
  for (let part = 0; part < length; part++)
    text += dice.pick(FRAGMENTS) + (dice.roll(3) === 0 ? "" : " ");
  return text;
}
