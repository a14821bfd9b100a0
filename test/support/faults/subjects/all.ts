import type { Subject } from "../subject.ts";

/** A child loads the one that it carries out: the others' modules would be half of its time. */
type Load = () => Promise<Subject>;

/** The setup is JSON that only the subject itself understands. */
const asAny = <S>(subject: Subject<S>): Subject => subject as unknown as Subject;

const backup =
  (earlier: number): Load =>
  async () =>
    asAny((await import("./backup.ts")).backup(earlier));
const step =
  (journal: "wal" | "delete"): Load =>
  async () =>
    asAny((await import("./step.ts")).step(journal));
const stepsTogether =
  (journal: "wal" | "delete"): Load =>
  async () =>
    asAny((await import("./steps-together.ts")).stepsTogether(journal));
const restore =
  (journal: "wal" | "delete", method: "online" | "offline"): Load =>
  async () =>
    asAny((await import("./restore.ts")).restoreWhole(journal, method));
const commit =
  (journal: "wal" | "delete", synchronous: string): Load =>
  async () =>
    asAny((await import("./bare.ts")).bareCommit(journal, synchronous));

/** By the name under which tests and child processes know them. */
const SUBJECTS = {
  "ledger appends": async () => asAny((await import("./ledger.ts")).ledgerAppends),
  "ledger begins": async () => asAny((await import("./ledger.ts")).ledgerBegins),
  "step, wal": step("wal"),
  "step, delete": step("delete"),
  "steps together, wal": stepsTogether("wal"),
  "steps together, delete": stepsTogether("delete"),
  backup: backup(2),
  "first backup": backup(0),
  prune: async () => asAny((await import("./prune.ts")).prune),
  "restore, wal": restore("wal", "online"),
  "restore, delete": restore("delete", "online"),
  "restore offline": restore("wal", "offline"),
} as const;

/** SQLite alone with settings that are less than what is needed: the kit must find that they are. */
const WEAKENED = {
  "commit, wal, synchronous full": commit("wal", "FULL"),
  "commit, wal, synchronous normal": commit("wal", "NORMAL"),
  "commit, wal, synchronous off": commit("wal", "OFF"),
  "commit, delete, synchronous extra": commit("delete", "EXTRA"),
  "commit, delete, synchronous full": commit("delete", "FULL"),
  "commit, delete, synchronous off": commit("delete", "OFF"),
} as const;

/** Knows the path of its database: it is always in the same place. */
const PLACED = { run: async () => asAny((await import("./run.ts")).run) } as const;

const ALL: { readonly [name: string]: Load } = { ...SUBJECTS, ...PLACED, ...WEAKENED };

export type SubjectName = keyof typeof SUBJECTS | keyof typeof PLACED | keyof typeof WEAKENED;

export const SUBJECT_NAMES = Object.keys(SUBJECTS) as readonly (keyof typeof SUBJECTS)[];

export const subjectOf = (name: SubjectName): Promise<Subject> => ALL[name]!();
