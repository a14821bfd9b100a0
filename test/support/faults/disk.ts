import { lstatSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Dice } from "../random-sql.ts";
import type { Operation } from "./disk-log.ts";

const SECTOR = 512;

type Change = Extract<Operation, { kind: "write" | "truncate" }>;

/** A file, whatever its names. */
interface File {
  durable: Buffer;
  /** Since its last sync. */
  pending: Change[];
  /** For whoever decides about a sync. */
  path: string;
}

const DIRECTORY = Symbol("directory");
type Node = File | typeof DIRECTORY;

/** A change of names that its directory was not synced after. */
interface NameChange {
  readonly directory: string;
  readonly apply: (names: Map<string, Node>) => void;
}

/** Files by path, and directories, as a power cut may leave them. */
export interface DiskState {
  readonly files: ReadonlyMap<string, Buffer>;
  readonly directories: readonly string[];
}

/** Everything below a directory, with the numbers that a log speaks of. */
export type DiskImage = readonly {
  readonly path: string;
  readonly inode: number;
  /** Absent: a directory. */
  readonly bytes?: Buffer;
}[];

export function readImage(root: string, path = ""): DiskImage {
  const inode = lstatSync(join(root, path)).ino;
  const below = readdirSync(join(root, path), { withFileTypes: true }).flatMap((entry) => {
    const name = join(path, entry.name);
    if (entry.isDirectory()) return readImage(root, name);
    const file = join(root, name);
    return [{ path: name, inode: lstatSync(file).ino, bytes: readFileSync(file) }];
  });
  return [{ path, inode }, ...below];
}

/** How much of what was not synced survives: of a hundred changes so many. */
const SHARES = [0, 100, 50, 80, 20, 95, 5] as const;

/**
 * A disk that does what it must and nothing more: what a file held when it was last synced is there
 * after a power cut; of what came later any part may be, writes also torn between sectors; names are as
 * they were when their directory was last synced, and of later changes any may be missing.
 */
export class Disk {
  readonly #inodes = new Map<number, File>();
  readonly #directories = new Map<number, string>();
  readonly #names = new Map<string, Node>();
  #pending: NameChange[] = [];
  readonly #ignoresSync: (path: string) => boolean;

  /** `ignoresSync`: a disk, or a program, that does not sync what it should. */
  constructor(image: DiskImage, ignoresSync: (path: string) => boolean = () => false) {
    this.#ignoresSync = ignoresSync;
    for (const { path, inode, bytes } of image) {
      if (bytes === undefined) {
        this.#directories.set(inode, path);
        if (path !== "") this.#names.set(path, DIRECTORY);
        continue;
      }
      const file = this.#inodes.get(inode) ?? { durable: bytes, pending: [], path };
      this.#inodes.set(inode, file);
      this.#names.set(path, file);
    }
  }

  do(operation: Operation): void {
    switch (operation.kind) {
      case "write":
      case "truncate":
        this.#file(operation.inode).pending.push(operation);
        return;
      case "sync":
        this.#sync(operation.inode);
        return;
      case "create": {
        const { inode, path } = operation;
        const file: File = { durable: Buffer.alloc(0), pending: [], path };
        // The number may have been that of a file that is gone.
        this.#inodes.set(inode, file);
        this.#later(path, (names) => names.set(path, file));
        return;
      }
      case "mkdir": {
        const { inode, path } = operation;
        this.#directories.set(inode, path);
        this.#later(path, (names) => names.set(path, DIRECTORY));
        return;
      }
      case "remove":
        this.#later(operation.path, (names) => names.delete(operation.path));
        return;
      case "link":
      case "rename": {
        const { inode, from, to, kind } = operation;
        const file = this.#file(inode);
        file.path = to;
        this.#later(to, (names) => {
          if (kind === "rename") names.delete(from);
          names.set(to, file);
        });
        return;
      }
      case "note":
        return;
    }
  }

  /** A state that a power cut now may leave: with `n` 0 nothing of what was not synced, with 1 all of it. */
  afterPowerCut(n: number, dice: Dice): DiskState {
    const share = SHARES[n % SHARES.length]!;
    const survives = (): boolean => dice.roll(100) < share;
    const names = new Map(this.#names);
    for (const { apply } of this.#pending) if (survives()) apply(names);
    const files = new Map<string, Buffer>();
    const contents = new Map<File, Buffer>();
    for (const [path, node] of names) {
      if (node === DIRECTORY || !isReachable(path, names)) continue;
      let content = contents.get(node);
      if (content === undefined)
        contents.set(node, (content = contentOf(node, n === 1 ? undefined : dice, survives)));
      files.set(path, content);
    }
    const directories = [...names].flatMap(([path, node]) =>
      node === DIRECTORY && isReachable(path, names) ? [path] : [],
    );
    return { files, directories };
  }

  #file(inode: number): File {
    const file = this.#inodes.get(inode);
    if (file === undefined) throw new Error(`The log speaks of an unknown file ${inode}`);
    return file;
  }

  #later(path: string, apply: (names: Map<string, Node>) => unknown): void {
    this.#pending.push({ directory: directoryOf(path), apply });
  }

  #sync(inode: number): void {
    const directory = this.#directories.get(inode);
    if (directory !== undefined) {
      if (this.#ignoresSync(`${directory}/`)) return;
      const [synced, left] = [[] as NameChange[], [] as NameChange[]];
      for (const change of this.#pending)
        (change.directory === directory ? synced : left).push(change);
      for (const { apply } of synced) apply(this.#names);
      this.#pending = left;
      return;
    }
    const file = this.#file(inode);
    if (this.#ignoresSync(file.path)) return;
    for (const change of file.pending) file.durable = changed(file.durable, change);
    file.pending = [];
  }
}

const directoryOf = (path: string): string => {
  const directory = dirname(path);
  return directory === "." ? "" : directory;
};

/** Whether every directory above it is there. */
function isReachable(path: string, names: ReadonlyMap<string, Node>): boolean {
  for (let above = directoryOf(path); above !== ""; above = directoryOf(above))
    if (names.get(above) !== DIRECTORY) return false;
  return true;
}

/** Without dice everything survives. */
function contentOf(
  { durable, pending }: File,
  dice: Dice | undefined,
  survives: () => boolean,
): Buffer {
  let content = durable;
  for (const change of pending) {
    if (!survives()) continue;
    const whole = dice === undefined || change.kind === "truncate" || change.bytes.length <= SECTOR;
    if (whole || dice.roll(3) > 0) content = changed(content, change);
    else for (const part of torn(change, dice)) content = changed(content, part);
  }
  return content;
}

function* torn(change: Extract<Change, { kind: "write" }>, dice: Dice): Generator<Change> {
  for (let at = 0; at < change.bytes.length;) {
    const end = at + SECTOR - ((change.offset + at) % SECTOR);
    if (dice.roll(2) === 0)
      yield { ...change, offset: change.offset + at, bytes: change.bytes.subarray(at, end) };
    at = end;
  }
}

function changed(content: Buffer, change: Change): Buffer {
  const end = change.kind === "truncate" ? change.size : change.offset + change.bytes.length;
  const length = change.kind === "truncate" ? end : Math.max(content.length, end);
  const after = Buffer.alloc(length);
  content.copy(after, 0, 0, length);
  if (change.kind === "write") change.bytes.copy(after, change.offset);
  return after;
}

/** Makes the state a directory's content. */
export function writeState(root: string, { files, directories }: DiskState): void {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true, mode: 0o700 });
  for (const path of directories.toSorted())
    mkdirSync(join(root, path), { recursive: true, mode: 0o700 });
  for (const [path, content] of files) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content, { mode: 0o600 });
  }
}
