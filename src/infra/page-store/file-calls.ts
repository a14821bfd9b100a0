import * as now from "node:fs";
import * as later from "node:fs/promises";

/** An open file, as far as the store needs it. */
export interface OpenFile {
  chmod(mode: number): Promise<void>;
  /** Bytes written, which may be less than all. */
  writev(parts: readonly Uint8Array[]): Promise<number>;
  size(): Promise<number>;
  /** Bytes read; 0 at the end. */
  read(into: Buffer, at: number, length: number, position: number): Promise<number>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The calls of the file system that the store needs. */
export interface FileCalls {
  open(path: string, flags: string, mode?: number): Promise<OpenFile>;
  link(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  remove(path: string): Promise<void>;
  makeFolder(path: string): Promise<void>;
  names(folder: string): Promise<string[]>;
  size(path: string): Promise<number>;
}

const FOLDER = { recursive: true, mode: 0o700 } as const;
const ANYTHING = { recursive: true, force: true } as const;

/** By threads: the process does other things meanwhile. */
export const threadedCalls: FileCalls = {
  async open(path, flags, mode) {
    const file = await later.open(path, flags, mode);
    return {
      chmod: (bits) => file.chmod(bits),
      writev: async (parts) => (await file.writev(parts)).bytesWritten,
      size: async () => (await file.stat()).size,
      read: async (into, at, length, position) =>
        (await file.read(into, at, length, position)).bytesRead,
      sync: () => file.sync(),
      close: () => file.close(),
    };
  },
  link: (from, to) => later.link(from, to),
  unlink: (path) => later.unlink(path),
  remove: (path) => later.rm(path, ANYTHING),
  makeFolder: async (path) => void (await later.mkdir(path, FOLDER)),
  names: (folder) => later.readdir(folder),
  size: async (path) => (await later.stat(path)).size,
};

/**
 * At once: for a process that has nothing else to do. The way through the threads takes longer than a
 * small call itself.
 */
export const promptCalls: FileCalls = {
  async open(path, flags, mode) {
    const fd = now.openSync(path, flags, mode);
    return {
      chmod: async (bits) => now.fchmodSync(fd, bits),
      writev: async (parts) => now.writevSync(fd, parts),
      size: async () => now.fstatSync(fd).size,
      read: async (into, at, length, position) => now.readSync(fd, into, at, length, position),
      sync: async () => now.fsyncSync(fd),
      close: async () => now.closeSync(fd),
    };
  },
  link: async (from, to) => now.linkSync(from, to),
  unlink: async (path) => now.unlinkSync(path),
  remove: async (path) => now.rmSync(path, ANYTHING),
  makeFolder: async (path) => void now.mkdirSync(path, FOLDER),
  names: async (folder) => now.readdirSync(folder),
  size: async (path) => now.statSync(path).size,
};
