import Database from "better-sqlite3";
import { push, rootOf, same } from "../../domain/ledger/merkle.ts";
import { parseVerifierKey, type VerifierKey } from "../../domain/ledger/verifier-key.ts";
import type { Digest, Hash } from "../../domain/shared/digest.ts";
import { Conflict, Unavailable } from "../../domain/shared/errors.ts";
import { verifyLedgerFile } from "../sqlite/verify-ledger.ts";
import type { Anchor } from "./anchors.ts";

/** A ledger file that could be gone on with. */
export interface LedgerCandidate {
  readonly file: string;
  readonly origin: string;
  readonly size: number;
  /** Of every key that ever signed it, the newest last. */
  readonly verifierKeys: readonly string[];
}

interface Row {
  readonly data: string | null;
}

/** Reads who the ledger says it is; nothing is believed before `verifyCandidate`. */
export function readCandidate(file: string): LedgerCandidate {
  const db = new Database(file, { readonly: true, fileMustExist: true });
  try {
    const rows = db
      .prepare<[], Row>(
        `SELECT payload.data AS data FROM event JOIN payload USING (idx)
         WHERE type IN ('LedgerOpened', 'KeyRotated') ORDER BY idx`,
      )
      .all();
    const keys = rows.flatMap(({ data }) => {
      const known = JSON.parse(data ?? "{}") as { data?: { verifierKey?: string } };
      return known.data?.verifierKey ?? [];
    });
    const size = db.prepare<[], number>("SELECT count(*) FROM event").pluck().get()!;
    const origin = db.prepare<[], string>("SELECT origin FROM ledger_head").pluck().get()!;
    if (keys.length === 0) throw unreadable(file, "it has no first event");
    return { file, origin, size, verifierKeys: keys };
  } catch (error) {
    if (!(error instanceof Database.SqliteError)) throw error;
    throw unreadable(file, error.message);
  } finally {
    db.close();
  }
}

const unreadable = (file: string, why: string): Unavailable =>
  new Unavailable("ledger-damaged", `${file} cannot be gone on with: ${why}`, {
    hint: "Use another copy of the ledger",
  });

/** The keys in the form that checks signatures. */
export const keysOf = ({ verifierKeys }: LedgerCandidate, digest: Digest): VerifierKey[] =>
  verifierKeys.map((text) => parseVerifierKey(digest, text));

/**
 * Hashes the whole file again, then compares it with every anchor. Errors: Unavailable
 * ledger-damaged · Conflict ledger-contradicts-anchor, ledger-behind-anchors.
 */
export async function verifyCandidate(
  candidate: LedgerCandidate,
  anchors: readonly Anchor[],
  digest: Digest,
): Promise<void> {
  const { file, verifierKeys, size } = candidate;
  const found = await verifyLedgerFile(file, { digest, verifierKeys });
  if (!found.ok) throw unreadable(file, found.findings[0]?.message ?? "it does not verify");
  const roots = rootsAt(file, new Set(anchors.map((anchor) => anchor.size)), digest);
  for (const anchor of anchors) {
    const root = roots.get(anchor.size);
    if (anchor.root === undefined || root === undefined || same(root, anchor.root)) continue;
    throw new Conflict(
      "ledger-contradicts-anchor",
      `The ledger is not the one that ${anchor.source} speaks of: its first ${anchor.size} events are others`,
      { hint: "It was changed, or it is of another history: look for the true ledger" },
    );
  }
  const ahead = anchors.filter((anchor) => anchor.size > size);
  if (ahead.length > 0) throw behind(size, ahead);
}

/** Going on from here would write other events in the places of those that are missing. */
function behind(size: number, ahead: readonly Anchor[]): Conflict {
  const furthest = ahead.toSorted((a, b) => b.size - a.size)[0]!;
  return new Conflict(
    "ledger-behind-anchors",
    `The newest ledger has ${size} events, but ${furthest.source} has seen ${furthest.size}: to go on from it would fork the ledger`,
    {
      hint: "Look for a newer ledger.db (the old disk, another copy of the backups) and give it with --ledger. If there is none, bring the databases back with --databases-only and begin a new ledger with them: the old one stays provable",
      details: {
        found: size,
        anchors: ahead.map(({ source, size: seen }) => ({ source, size: seen })),
      },
    },
  );
}

function rootsAt(
  file: string,
  sizes: ReadonlySet<number>,
  digest: Digest,
): ReadonlyMap<number, Hash> {
  const db = new Database(file, { readonly: true, fileMustExist: true });
  try {
    const leaves = db
      .prepare<[], Buffer>("SELECT leaf_hash FROM event ORDER BY idx")
      .pluck()
      .iterate();
    const frontier: Hash[] = [];
    const roots = new Map<number, Hash>();
    let size = 0;
    for (const leaf of leaves) {
      push(digest.sha256, frontier, size++, leaf);
      if (sizes.has(size)) roots.set(size, rootOf(digest.sha256, frontier));
    }
    return roots;
  } finally {
    db.close();
  }
}
