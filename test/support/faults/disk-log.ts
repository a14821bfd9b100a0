import { readFileSync } from "node:fs";
import { relative } from "node:path";

/** What a process did to its disk, in order. Paths are relative to the root that was watched. */
export type Operation =
  | {
      readonly kind: "write";
      readonly inode: number;
      readonly offset: number;
      readonly bytes: Buffer;
    }
  | { readonly kind: "truncate"; readonly inode: number; readonly size: number }
  | { readonly kind: "sync"; readonly inode: number }
  | { readonly kind: "create" | "mkdir"; readonly inode: number; readonly path: string }
  | { readonly kind: "remove"; readonly path: string }
  | {
      readonly kind: "rename" | "link";
      readonly inode: number;
      readonly from: string;
      readonly to: string;
    }
  /** Not of the disk: a promise that the process made. */
  | { readonly kind: "note"; readonly text: string };

const HEAD_BYTES = 25;

/** Reads what the preloaded library wrote. */
export function readDiskLog(file: string, root: string): Operation[] {
  const log = readFileSync(file);
  const operations: Operation[] = [];
  for (let at = 0; at < log.length;) {
    const kind = String.fromCharCode(log[at]!);
    const inode = Number(log.readBigUInt64LE(at + 1));
    const number = Number(log.readBigUInt64LE(at + 9));
    const [first, second] = [log.readUInt32LE(at + 17), log.readUInt32LE(at + 21)];
    at += HEAD_BYTES;
    const bytes = log.subarray(at, at + first);
    const path = (part: Buffer): string => relative(root, part.toString());
    const other = log.subarray(at + first, at + first + second);
    at += first + second;
    operations.push(
      operationOf(kind, {
        inode,
        number,
        bytes,
        path: () => path(bytes),
        other: () => path(other),
      }),
    );
  }
  return operations;
}

interface Parts {
  readonly inode: number;
  readonly number: number;
  readonly bytes: Buffer;
  readonly path: () => string;
  readonly other: () => string;
}

function operationOf(kind: string, { inode, number, bytes, path, other }: Parts): Operation {
  switch (kind) {
    case "w":
      return { kind: "write", inode, offset: number, bytes };
    case "t":
      return { kind: "truncate", inode, size: number };
    case "s":
      return { kind: "sync", inode };
    case "c":
      return { kind: "create", inode, path: path() };
    case "d":
      return { kind: "mkdir", inode, path: path() };
    case "u":
      return { kind: "remove", path: path() };
    case "r":
      return { kind: "rename", inode, from: path(), to: other() };
    case "l":
      return { kind: "link", inode, from: path(), to: other() };
    case "n":
      return { kind: "note", text: bytes.toString().trimEnd() };
    default:
      throw new Error(`The log of the disk has an operation ${kind}`);
  }
}
