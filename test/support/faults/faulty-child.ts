import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { DomainError } from "../../../src/domain/shared/errors.ts";
import type { Fault } from "./shim.ts";
import { subjectOf, type SubjectName } from "./subjects/all.ts";

/** What a child is to do, and what is to happen to it meanwhile. */
export interface Order {
  readonly subject: SubjectName;
  readonly setup: unknown;
  /** Absent: it is left alone. */
  readonly fault?: { readonly mode: Fault; readonly at: number };
  /** Where everything is logged that it does to the disk. */
  readonly log?: string;
}

export type Outcome =
  | { readonly kind: "done"; readonly points: number }
  /** It could not be done, and the error says so. */
  | { readonly kind: "refused"; readonly code: string }
  /** With an error that is none of ours: nobody would know what to do. */
  | { readonly kind: "failed"; readonly error: string }
  | { readonly kind: "killed" };

type Answer = Exclude<Outcome, { kind: "killed" }>;

/** How the disk is made to fail: at a call, or when a file gets larger than that. */
export type Means = { readonly shim: string } | { readonly mostKiB: number };

/** Has a shell set the limit (which counts in blocks of 512 bytes) and become the program. */
const limited = (mostKiB: number): { readonly execPath: string; readonly execArgv: string[] } => ({
  execPath: "/bin/sh",
  execArgv: ["-c", `ulimit -f ${mostKiB * 2}; exec "$0" "$@"`, process.execPath],
});

/** A process in which the disk can fail, with a directory of its own. */
export class FaultyChild {
  /** What the subject finds and changes. */
  readonly root: string;
  readonly #base: string;
  readonly #process: ChildProcess;
  readonly #notes: string;
  #settle: (outcome: Outcome) => void = () => {};

  /** `root`: default a directory of its own. */
  constructor(means: Means, directory: string, root?: string) {
    this.#base = mkdtempSync(join(directory, "child-"));
    this.root = root ?? join(this.#base, "disk");
    this.#notes = join(this.#base, "notes");
    const control = join(this.#base, "control");
    mkdirSync(this.root, { recursive: true });
    for (const file of [control, this.#notes]) writeFileSync(file, "");
    const env = {
      ...process.env,
      ...("shim" in means ? { LD_PRELOAD: means.shim } : {}),
      FAULT_ROOT: this.root,
      FAULT_CONTROL: control,
      FAULT_NOTES: this.#notes,
    };
    this.#process = fork(import.meta.filename, [], {
      env,
      ...("mostKiB" in means ? limited(means.mostKiB) : {}),
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#process.on("message", (answer) => this.#settle(answer as Answer));
    this.#process.once("exit", (code, signal) => {
      const error = `The child ended with ${String(code ?? signal)}`;
      this.#settle(signal === "SIGKILL" ? { kind: "killed" } : { kind: "failed", error });
    });
  }

  async run(order: Order): Promise<Outcome> {
    writeFileSync(this.#notes, "");
    this.#process.send(order);
    return new Promise((resolve) => (this.#settle = resolve));
  }

  get isAlive(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  get promised(): readonly string[] {
    return readFileSync(this.#notes, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  }

  async end(): Promise<void> {
    if (this.isAlive) {
      this.#process.kill("SIGKILL");
      await once(this.#process, "exit");
    }
    rmSync(this.#base, { recursive: true, force: true });
  }
}

async function carryOut({ subject, setup, fault, log }: Order): Promise<Answer> {
  const { FAULT_ROOT: root, FAULT_CONTROL: control, FAULT_NOTES: notes } = process.env;
  const loaded = await subjectOf(subject);
  const orders = openSync(control!, "r+");
  const promises = openSync(notes!, "a");
  writeSync(orders, `${fault?.at ?? -1} ${fault?.mode ?? "none"} ${log ?? ""}`);
  try {
    await loaded.act(root!, setup, (what) => writeSync(promises, `${what}\n`));
    writeSync(orders, "?");
    return { kind: "done", points: Number(readFileSync(control!, "utf8")) };
  } catch (error) {
    if (error instanceof DomainError) return { kind: "refused", code: error.code };
    return { kind: "failed", error: error instanceof Error ? (error.stack ?? "") : String(error) };
  } finally {
    writeSync(orders, "-1 none");
    for (const fd of [orders, promises]) closeSync(fd);
  }
}

if (process.argv[1] === import.meta.filename)
  process.on("message", (order) => {
    void carryOut(order as Order).then((answer) => process.send!(answer));
  });
