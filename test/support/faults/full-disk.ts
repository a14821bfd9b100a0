import { spawnSync } from "node:child_process";
import {
  closeSync,
  cpSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DomainError } from "../../../src/domain/shared/errors.ts";
import { subjectOf, type SubjectName } from "./subjects/all.ts";

/*
 * Carries a subject out on a file system that is nearly full, again and again with more space left.
 * Runs in a mount namespace of its own, so that what it mounts is gone with it.
 */

/** What became of the subject when so much was left. */
export interface Tried {
  readonly freeKiB: number;
  /** `done`, or the code of the refusal. */
  readonly outcome: string;
  readonly wrong: readonly string[];
}

interface Request {
  readonly subject: SubjectName;
  readonly sizeKiB: number;
  readonly freeKiB: readonly number[];
}

/** Undefined where nobody may mount anything. */
export function tryOnFullDisk(request: Request): readonly Tried[] | undefined {
  const may = spawnSync("unshare", [...NAMESPACE, "true"]);
  if (may.status !== 0) return undefined;
  const args = [...NAMESPACE, process.execPath, import.meta.filename, JSON.stringify(request)];
  const { status, stdout, stderr } = spawnSync("unshare", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Tried[];
}

/** Who is not root becomes it in a namespace of users, where that is allowed. */
const NAMESPACE = process.getuid?.() === 0 ? ["--mount"] : ["--mount", "--map-root-user"];

async function main({ subject, sizeKiB, freeKiB }: Request): Promise<Tried[]> {
  const directory = mkdtempSync(join(tmpdir(), "schemaledger-full-"));
  const [template, disk] = [join(directory, "template"), join(directory, "disk")];
  for (const path of [template, disk]) mkdirSync(path);
  mount(disk, sizeKiB);
  try {
    const setup = await (await subjectOf(subject)).prepare(template);
    const tried: Tried[] = [];
    for (const free of freeKiB) {
      const root = join(disk, "root");
      cpSync(template, root, { recursive: true });
      tried.push(await attempt(subject, setup, root, free));
      rmSync(root, { recursive: true });
    }
    return tried;
  } finally {
    spawnSync("umount", [disk]);
    rmSync(directory, { recursive: true, force: true });
  }
}

function mount(disk: string, sizeKiB: number): void {
  const options = ["-t", "tmpfs", "-o", `size=${sizeKiB}k`, "none", disk];
  const { status, stderr } = spawnSync("mount", options, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
}

async function attempt(
  subject: SubjectName,
  setup: unknown,
  root: string,
  freeKiB: number,
): Promise<Tried> {
  const tried = await subjectOf(subject);
  const ballast = join(root, "..", "ballast");
  fill(ballast, freeKiB);
  const promised: string[] = [];
  const outcome = await tried
    .act(root, setup, (what) => promised.push(what))
    .then(
      () => "done",
      (error: unknown) => {
        if (error instanceof DomainError) return error.code;
        throw error;
      },
    );
  rmSync(ballast);
  // What is found wrong may be an error as well as an answer.
  const wrong = await tried
    .inspect(root, setup, promised)
    .catch((error: unknown) => [String(error)]);
  if (wrong.length === 0) wrong.push(...(await tried.goOn(root, setup)));
  return { freeKiB, outcome, wrong };
}

/** Writes until there is no space left, and gives some back. */
function fill(path: string, freeKiB: number): void {
  const file = openSync(path, "w");
  const page = Buffer.alloc(4096, 1);
  let size = 0;
  try {
    for (;;) size += writeSync(file, page);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
  ftruncateSync(file, Math.max(0, size - freeKiB * 1024));
  fsyncSync(file);
  closeSync(file);
}

if (process.argv[1] === import.meta.filename)
  process.stdout.write(JSON.stringify(await main(JSON.parse(process.argv[2]!) as Request)));
