import { leafHash, same } from "../../domain/ledger/merkle.ts";
import type { LedgerHead } from "../../domain/ledger/ledger.ts";
import type { StoredEntry } from "../../domain/ledger/transparency-log.ts";
import type { Digest } from "../../domain/shared/digest.ts";
import { Conflict } from "../../domain/shared/errors.ts";
import type { SystemClock } from "../system/system-clock.ts";
import { openLedgerFile, type LedgerConnection } from "./ledger-connection.ts";
import { LedgerHeadState } from "../ledger/ledger-head.ts";
import { LedgerReader } from "./ledger-reader.ts";
import { LedgerStatements } from "./ledger-statements.ts";

/** Members of an entry that are columns, too. */
interface Envelope {
  readonly id: string;
  readonly index: number;
  readonly stream: string;
  readonly stream_pos: number;
  readonly type: string;
  readonly v: number;
  readonly time: string;
  readonly actor: string;
  readonly actor_kind: "user" | "service" | "system";
  readonly correlation: string;
  readonly causation: string | null;
}

export interface RollForward {
  readonly file: string;
  readonly origin: string;
  readonly digest: Digest;
  readonly clock: SystemClock;
  /** Where the ledger will be. */
  readonly head: LedgerHead;
  /** Its signed note. */
  readonly note: string;
  /** The entries from the ledger's size on. */
  readonly entries: AsyncIterable<readonly StoredEntry[]>;
  readonly content: (digest: string) => Promise<string>;
}

const CONTENT_DIGEST = /sha256:[0-9a-f]{64}/g;

/**
 * Appends the entries that an older copy of a ledger lacks, byte for byte, in one transaction: it is
 * committed only if the tree then has the root that was signed. Keys under which outcomes are
 * recorded once come back with their events. Error: Conflict export-does-not-continue.
 */
export async function rollForward(work: RollForward): Promise<number> {
  const db = openLedgerFile(work.file, { origin: work.origin });
  const statements = new LedgerStatements(db);
  try {
    statements.begin();
    const head = LedgerHeadState.of(work.digest, new LedgerReader(db));
    const before = head.size;
    const insert = inserter(db);
    for await (const entries of work.entries) {
      for (const entry of entries) {
        const { time } = insert(entry, work.digest);
        head.push(leafHash(work.digest.sha256, entry.leaf));
        head.seeTime(time);
      }
      await addContents(entries, statements, work);
      addOnceKeys(entries, statements);
    }
    if (head.size !== work.head.size || !same(head.root(), work.head.root)) throw notContinued();
    statements.updateHead(head);
    const checkpoint = { size: work.head.size, root: work.head.root, note: work.note };
    statements.storeExtras({ answers: new Map(), checkpoint }, work.clock);
    statements.commit();
    return head.size - before;
  } catch (error) {
    statements.rollback();
    throw error;
  } finally {
    db.close();
  }
}

/** Writes an entry with its columns and its payload, as they were. */
function inserter(db: LedgerConnection): (entry: StoredEntry, digest: Digest) => Envelope {
  const event = db.prepare(
    `INSERT INTO event (idx, id, stream, stream_pos, type, v, time, actor, actor_kind, correlation,
       causation, leaf, leaf_hash)
     VALUES (@index, @id, @stream, @stream_pos, @type, @v, @time, @actor, @actor_kind, @correlation,
       @causation, @leaf, @hash)`,
  );
  const payload = db.prepare("INSERT INTO payload (idx, salt, data) VALUES (?, ?, ?)");
  return (entry, digest) => {
    if (entry.salt === null || entry.payload === null) throw notContinued();
    const envelope = JSON.parse(digest.text(entry.leaf)) as Envelope;
    event.run({ ...envelope, leaf: entry.leaf, hash: leafHash(digest.sha256, entry.leaf) });
    payload.run(envelope.index, entry.salt, entry.payload);
    return envelope;
  };
}

async function addContents(
  entries: readonly StoredEntry[],
  statements: LedgerStatements,
  { content, digest }: RollForward,
): Promise<void> {
  const names = new Set(entries.flatMap(({ payload }) => payload?.match(CONTENT_DIGEST) ?? []));
  for (const name of names) {
    // Many digests are of other things than contents (backups, plans): those are not there.
    const text = await content(name).catch(() => undefined);
    if (text === undefined) continue;
    if (digest.ofText(text) !== name) throw notContinued();
    statements.insertContent({ digest: name, text });
  }
}

/** `outcome:<attempt>`: an attempt has one outcome, also when it came from an export. */
function addOnceKeys(entries: readonly StoredEntry[], statements: LedgerStatements): void {
  for (const { index, leaf, payload } of entries) {
    const { type } = JSON.parse(Buffer.from(leaf).toString("utf8")) as Envelope;
    const member = OUTCOMES[type];
    if (member === undefined) continue;
    const { data } = JSON.parse(payload!) as { data: { readonly [member: string]: unknown } };
    statements.insertOnce(`outcome:${String(data[member])}`, index, index);
  }
}

/** Outcomes that are recorded once, and the member that names what they are the outcome of. */
const OUTCOMES: { readonly [type: string]: string } = {
  StepApplied: "attempt",
  StepReverted: "attempt",
  StepFailed: "attempt",
  StepAborted: "attempt",
  StepUnknown: "attempt",
  RestoreCompleted: "restoreId",
  RestoreFailed: "restoreId",
};

const notContinued = (): Conflict =>
  new Conflict("export-does-not-continue", "The export does not continue this ledger", {
    hint: "Use an export of this very ledger, with payloads; verify it with schemaledger verify",
  });
