import type { Subject } from "../subject.ts";
import { bareCommit } from "./bare.ts";
import { backup } from "./backup.ts";
import { ledgerAppends, ledgerBegins } from "./ledger.ts";
import { prune } from "./prune.ts";
import { restoreWhole } from "./restore.ts";
import { run } from "./run.ts";
import { step } from "./step.ts";
import { stepsTogether } from "./steps-together.ts";

/** The setup is JSON that only the subject itself understands. */
const asAny = <S>(subject: Subject<S>): Subject => subject as unknown as Subject;

/** By the name under which tests and child processes know them. */
const SUBJECTS = {
  "ledger appends": asAny(ledgerAppends),
  "ledger begins": asAny(ledgerBegins),
  "step, wal": asAny(step("wal")),
  "step, delete": asAny(step("delete")),
  "steps together, wal": asAny(stepsTogether("wal")),
  "steps together, delete": asAny(stepsTogether("delete")),
  backup: asAny(backup(2)),
  "first backup": asAny(backup(0)),
  prune: asAny(prune),
  "restore, wal": asAny(restoreWhole("wal", "online")),
  "restore, delete": asAny(restoreWhole("delete", "online")),
  "restore offline": asAny(restoreWhole("wal", "offline")),
} as const;

/** SQLite alone with settings that are less than what is needed: the kit must find that they are. */
const WEAKENED = {
  "commit, wal, synchronous full": asAny(bareCommit("wal", "FULL")),
  "commit, wal, synchronous normal": asAny(bareCommit("wal", "NORMAL")),
  "commit, wal, synchronous off": asAny(bareCommit("wal", "OFF")),
  "commit, delete, synchronous extra": asAny(bareCommit("delete", "EXTRA")),
  "commit, delete, synchronous full": asAny(bareCommit("delete", "FULL")),
  "commit, delete, synchronous off": asAny(bareCommit("delete", "OFF")),
} as const;

/** Knows the path of its database: it is always in the same place. */
const PLACED = { run: asAny(run) } as const;

const ALL = { ...SUBJECTS, ...PLACED, ...WEAKENED };

export type SubjectName = keyof typeof ALL;

export const SUBJECT_NAMES = Object.keys(SUBJECTS) as readonly (keyof typeof SUBJECTS)[];

export const subjectOf = (name: SubjectName): Subject => ALL[name];
