import type { Digest, Hash } from "../../shared/digest.ts";

/** Drawn by whoever knows the root: the runs whose SHA-256(root ‖ run id) is smallest. */
export function sampleOf(
  runIds: readonly string[],
  root: Hash,
  size: number,
  digest: Digest,
): readonly string[] {
  const ranked = runIds.map((id) => ({
    id,
    rank: digest.hex(digest.sha256(root, digest.utf8(id))),
  }));
  const byRank = ranked.toSorted((a, b) => (a.rank < b.rank ? -1 : 1));
  return byRank.slice(0, size).map(({ id }) => id);
}
