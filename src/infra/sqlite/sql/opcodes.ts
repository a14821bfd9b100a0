import type { Database } from "better-sqlite3";

/** One instruction of a compiled statement. */
export interface Op {
  readonly opcode: string;
  readonly p1: number;
  readonly p2: number;
  readonly p3: number;
  readonly p4: string | null;
  readonly p5: number;
}

const TELLING = new Set(
  `AutoCommit Savepoint Vacuum Function Halt Transaction OpenWrite Clear Destroy DropTable
   DropIndex DropTrigger ParseSchema SetCookie VUpdate VRename VDestroy VCreate SqlExec`.split(
    /\s+/,
  ),
);

/** From this length of a statement on, its instructions are read one by one. */
const MANY_ROWS = 8192;

/**
 * The instructions of one statement that tell what it does, its triggers' and cascades' included.
 * They depend on the present schema. The statement is compiled, not run, which is not harmless
 * for a PRAGMA: never call it for one. Throws what preparing the statement throws.
 */
export function tellingOps(db: Database, sql: string, values: readonly unknown[] = []): Op[] {
  const ops: Op[] = [];
  const statement = db.prepare<unknown[], ExplainRow>(`EXPLAIN ${sql}`).raw();
  // One by one takes twice the time, all at once a lot of memory if there are many.
  const rows = sql.length > MANY_ROWS ? statement.iterate(...values) : statement.all(...values);
  for (const row of rows as Iterable<ExplainRow>) {
    const [, opcode, p1, p2, p3, p4, p5] = row;
    if (!TELLING.has(opcode)) continue;
    const [a, b, c, flags] = [Number(p1), Number(p2), Number(p3), Number(p5)];
    ops.push({ opcode, p1: a, p2: b, p3: c, p4: p4 === null ? null : String(p4), p5: flags });
  }
  return ops;
}

type Integer = number | bigint;
type ExplainRow = [
  addr: Integer,
  opcode: string,
  p1: Integer,
  p2: Integer,
  p3: Integer,
  p4: string | Integer | null,
  p5: Integer,
  comment: string | null,
];
