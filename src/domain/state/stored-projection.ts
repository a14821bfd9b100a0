import type { GrowingHead, Ledger, LedgerHead } from "../ledger/ledger.ts";
import { push, rootOf, same } from "../ledger/merkle.ts";
import type { Digest } from "../shared/digest.ts";
import { DomainError, Unavailable } from "../shared/errors.ts";
import { Folded } from "./folded.ts";
import type { ProjectionMark, ProjectionStore } from "./projection-store.ts";

/** Something about what is stored that operators are told. */
export interface ProjectionNotice {
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  readonly code?: string;
  readonly hint?: string;
}

interface Parts {
  readonly ledger: Ledger;
  readonly store: ProjectionStore;
  readonly digest: Digest;
  readonly code: string;
  readonly notify: (notice: ProjectionNotice) => void;
  /** Events after which a start that is far behind stores how far it came. */
  readonly stretch: number;
}

/** Where a fold can be stored on its way from what was stored to the ledger's head. */
export type Waypoint = Pick<GrowingHead, "origin" | "size" | "frontier">;

/** What an earlier process stored, and the way from there to the head. */
export interface Loaded {
  readonly folded: Folded;
  readonly waypoints: readonly Waypoint[];
}

/**
 * What an earlier process stored, if it can be used; else the store is empty afterwards, and why
 * was told. Error: Unavailable code ledger-rolled-back when the fault is the ledger's: it must not
 * be appended to then.
 */
export async function loadStored(parts: Parts): Promise<Loaded | undefined> {
  const { ledger, store, digest } = parts;
  try {
    const stored = await store.stored();
    // After what was stored: beside another process the ledger grows in between.
    const head = await ledger.head();
    const why = stored === undefined ? interrupted(head) : refusal(stored.mark, parts);
    if (why === undefined && stored !== undefined) {
      const folded = Folded.load(store, stored, digest);
      return { folded, waypoints: await wayTo(head, stored.mark, parts) };
    }
    if (why !== undefined) parts.notify(why);
  } catch (error) {
    if (!(error instanceof DomainError) || error.code !== "projection-damaged") throw error;
    const message = `${error.message}. The whole ledger is folded anew`;
    parts.notify({ level: "error", message, code: error.code });
  }
  await store.reset();
  return undefined;
}

/** Nothing was stored: a new ledger has nothing to fold. */
const interrupted = ({ size }: LedgerHead): ProjectionNotice | undefined =>
  size === 0
    ? undefined
    : { level: "info", message: `No projection is stored: all ${size} events are folded` };

/** Why what was stored is not for this ledger or this program. */
function refusal(mark: ProjectionMark, { ledger, code }: Parts): ProjectionNotice | undefined {
  const again = `${mark.size} events are folded anew`;
  if (mark.origin !== ledger.origin)
    return {
      level: "error",
      code: "projection-damaged",
      message: `The stored projection is of the ledger ${mark.origin}. ${again}`,
    };
  if (mark.code === code) return undefined;
  return { level: "info", message: `The projection was stored by another release: ${again}` };
}

/**
 * The tree at some sizes between what is stored and the head. The ledger must begin with the very
 * events that were folded: their tree, grown by the events since then, must have the ledger's root.
 */
async function wayTo(
  head: LedgerHead,
  { size, frontier }: ProjectionMark,
  { ledger, digest, stretch }: Parts,
): Promise<Waypoint[]> {
  if (head.size < size) throw rolledBack(size, `only ${head.size}`);
  const tree = [...frontier];
  const waypoints: Waypoint[] = [];
  let grown = size;
  for await (const { leafHash } of ledger.readAll(size)) {
    if (grown === head.size) break;
    push(digest.sha256, tree, grown++, leafHash);
    if ((grown - size) % stretch === 0)
      waypoints.push({ origin: ledger.origin, size: grown, frontier: [...tree] });
  }
  if (!same(rootOf(digest.sha256, tree), head.root)) throw rolledBack(size, "others");
  return waypoints;
}

const rolledBack = (folded: number, found: string): Unavailable =>
  new Unavailable(
    "ledger-rolled-back",
    `A projection of ${folded} events was stored, but the ledger has ${found}: an older or another copy is in its place`,
    {
      hint: "Put the newest ledger.db back, with its -wal file if there was one. If it is lost, move projection.db away: it is folded anew then",
      details: { folded, found },
    },
  );
