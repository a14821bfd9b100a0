import { constants, copyFileSync } from "node:fs";
import type { StoreAccess } from "../../domain/backup/backup-store.ts";
import { toWire } from "../executor/wire-error.ts";
import { storeFiles, type FileToStore } from "./store-access.ts";

/*
 * The packer: a process without any database connection, which may therefore read files that
 * another process has connections to. Started by `storeFilesApart`; stores files once and exits.
 */

export interface PackerOrder {
  readonly access: StoreAccess;
  readonly files: readonly FileToStore[];
  /** Where files are copied to first: they can be read there without haste. */
  readonly copies?: readonly string[];
}

export type PackerAnswer =
  | { readonly kind: "progress"; readonly fraction: number }
  | { readonly kind: "copied" }
  | { readonly kind: "stored"; readonly content: unknown }
  | { readonly kind: "failed"; readonly error: ReturnType<typeof toWire> };

/** Progress is told in hundredths. */
const TOLD = 100;

const send = (answer: PackerAnswer, sent: () => void = () => {}): void => {
  if (process.connected) process.send!(answer, undefined, undefined, sent);
};

async function store({ access, files, copies }: PackerOrder): Promise<PackerAnswer> {
  let told = 0;
  try {
    const toRead = copies === undefined ? files : copied(files, copies);
    const content = await storeFiles(access, toRead, (fraction) => {
      if (Math.floor(fraction * TOLD) === told) return;
      told = Math.floor(fraction * TOLD);
      send({ kind: "progress", fraction });
    });
    return { kind: "stored", content };
  } catch (error) {
    return { kind: "failed", error: toWire(error) };
  }
}

function copied(files: readonly FileToStore[], copies: readonly string[]): FileToStore[] {
  const copy = files.map((file, at) => ({ ...file, path: copies[at]! }));
  for (const [at, { path }] of files.entries())
    copyFileSync(path, copies[at]!, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  send({ kind: "copied" });
  return copy;
}

// The executor's child decides when this process ends; nobody waits for it without that one.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
process.on("disconnect", () => process.exit(1));
process.once("message", (order) => {
  void store(order as PackerOrder).then((answer) => send(answer, () => process.exit(0)));
});
