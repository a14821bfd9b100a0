/** Hashes of a full tile, entries of a full bundle (C2SP tlog-tiles). */
export const TILE_WIDTH = 256;

/** A tile of the Merkle tree (`level` 0 holds leaf hashes) or a bundle of entries. */
export interface TileId {
  readonly level: number | "entries";
  /** Place within the level, from 0. */
  readonly index: number;
  /** 1 to 256; below that the tile is partial. */
  readonly width: number;
}

const MAX_LEVEL = 63;
const PATH = /^(entries|0|[1-9]\d?)\/((?:x\d{3}\/)*\d{3})(?:\.p\/([1-9]\d{0,2}))?$/;

/** The path below `tile/`: `0/x001/067.p/3` for one. */
export function tilePath({ level, index, width }: TileId): string {
  const partial = width === TILE_WIDTH ? "" : `.p/${width}`;
  return `${level}/${groups(index)}${partial}`;
}

/** The tile that a path names in its one right form; undefined otherwise. */
export function parseTilePath(path: string): TileId | undefined {
  const [, level, digits, partial] = PATH.exec(path) ?? [];
  if (level === undefined || digits === undefined) return undefined;
  const index = Number(digits.replaceAll(/[x/]/g, ""));
  const width = partial === undefined ? TILE_WIDTH : Number(partial);
  if (!Number.isSafeInteger(index) || width > TILE_WIDTH) return undefined;
  const id: TileId = { level: level === "entries" ? level : Number(level), index, width };
  if (id.level !== "entries" && id.level > MAX_LEVEL) return undefined;
  // One name for each tile: no zeros in front, no partial of full width.
  return tilePath(id) === path ? id : undefined;
}

/** Number of hashes at a level of the tiles over `size` leaves; of entries at level "entries". */
export function nodesAt(level: number | "entries", size: number): number {
  let count = size;
  for (let above = level === "entries" ? 0 : level; above > 0 && count > 0; above -= 1)
    count = Math.floor(count / TILE_WIDTH);
  return count;
}

/** Whether a log of `size` leaves has a tile; a partial one also where the full one exists. */
export const hasTile = ({ level, index, width }: TileId, size: number): boolean =>
  index * TILE_WIDTH + width <= nodesAt(level, size);

/** Every tile and bundle that a log of `size` has and one of `before` had not, level by level. */
export function* newTiles(before: number, size: number): Generator<TileId, void, undefined> {
  yield* newTilesAt("entries", before, size);
  for (let level = 0; nodesAt(level, size) > 0; level += 1) yield* newTilesAt(level, before, size);
}

function* newTilesAt(
  level: TileId["level"],
  before: number,
  size: number,
): Generator<TileId, void, undefined> {
  const had = nodesAt(level, before);
  const has = nodesAt(level, size);
  if (had === has) return;
  for (let index = Math.floor(had / TILE_WIDTH); index * TILE_WIDTH < has; index += 1)
    yield { level, index, width: Math.min(TILE_WIDTH, has - index * TILE_WIDTH) };
}

/** Decimal in groups of three digits, all but the last marked with an x: `x001/x234/067`. */
function groups(index: number): string {
  const digits = String(index);
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, "0");
  const parts = padded.match(/\d{3}/g) ?? [];
  return parts.map((part, at) => (at < parts.length - 1 ? `x${part}` : part)).join("/");
}
