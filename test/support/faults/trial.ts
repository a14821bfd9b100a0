import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Dice } from "../random-sql.ts";
import { Disk, readImage, writeState, type DiskImage, type DiskState } from "./disk.ts";
import { readDiskLog, type Operation } from "./disk-log.ts";
import type { FaultyChild, Order, Outcome } from "./faulty-child.ts";
import { subjectOf, type SubjectName } from "./subjects/all.ts";

/** In memory where that is possible: what survives a power cut is worked out, not tried. */
const ROOT = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** After one in so many power cuts it is also tried whether one can go on. */
const GO_ON = 10;

/** The disk before, and everything that was done to it. */
export interface Recording {
  readonly before: DiskImage;
  readonly operations: readonly Operation[];
  /** Calls that could have failed. */
  readonly points: number;
}

export interface PowerCuts {
  /** States tried after each operation. */
  readonly draws: number;
  /** States tried after the last operation. */
  readonly lastDraws: number;
  /** Of so many operations one is followed by a power cut. Default: each. */
  readonly every?: number;
  /** Syncs that are left out. Default: none. */
  readonly ignoresSync?: (path: string) => boolean;
  readonly seed: number;
}

/** A subject with the disk before it, to be put through faults again and again. */
export class Trial {
  readonly name: SubjectName;
  /** Where it lies while it is prepared, recorded and cut: some remember the paths of their files. */
  readonly place: string;
  readonly #setup: unknown;
  readonly #template: string;

  private constructor(name: SubjectName, directory: string, setup: unknown) {
    this.name = name;
    this.place = join(directory, "disk");
    this.#template = join(directory, "template");
    this.#setup = setup;
  }

  /** In a directory that whoever made it removes. */
  static async of(name: SubjectName, directory: string): Promise<Trial> {
    const own = mkdtempSync(join(directory, "trial-"));
    const place = join(own, "disk");
    mkdirSync(place);
    const setup = await (await subjectOf(name)).prepare(place);
    renameSync(place, join(own, "template"));
    return new Trial(name, own, setup);
  }

  /** Carries it out, with a fault or without, and tells what is wrong afterwards. */
  async run(
    child: FaultyChild,
    order: Omit<Order, "subject" | "setup"> = {},
  ): Promise<{ readonly outcome: Outcome; readonly wrong: string[] }> {
    this.#layOut(child.root);
    const outcome = await child.run({ ...order, subject: this.name, setup: this.#setup });
    return {
      outcome,
      wrong: await this.#inspect(child.root, child.promised, (order.fault?.at ?? 0) % 3 === 0),
    };
  }

  /** The child's root is `place`. */
  async record(child: FaultyChild): Promise<Recording> {
    this.#layOut(child.root);
    const before = readImage(child.root);
    const log = join(this.#template, "..", "log");
    rmSync(log, { force: true });
    const outcome = await child.run({ subject: this.name, setup: this.#setup, log });
    if (outcome.kind !== "done") throw new Error(`${this.name}: ${JSON.stringify(outcome)}`);
    const { points } = outcome;
    return { before, operations: readDiskLog(log, child.root), points };
  }

  /** Cuts the power after each operation, in many ways. Tells how many different ones, and what is wrong. */
  async cutPower(
    { before, operations }: Recording,
    { draws, lastDraws, every = 1, ignoresSync, seed }: PowerCuts,
  ): Promise<{ readonly states: number; readonly wrong: readonly string[] }> {
    const disk = new Disk(before, ignoresSync);
    const dice = new Dice(seed);
    const root = this.place;
    const promised: string[] = [];
    const wrong: string[] = [];
    const seen = new Set<string>();
    for (const [at, operation] of operations.entries()) {
      disk.do(operation);
      if (operation.kind === "note") promised.push(operation.text);
      const isLast = at === operations.length - 1;
      if (!isLast && at % every !== 0) continue;
      for (let n = 0; n < (isLast ? lastDraws : draws); n += 1) {
        const state = disk.afterPowerCut(n, dice);
        const known = seen.size;
        if (seen.add(digestOf(state, promised)).size === known) continue;
        writeState(root, state);
        const found = await this.#inspect(
          root,
          promised,
          known % (this.name === "run" ? 20 * GO_ON : GO_ON) === 0,
        );
        for (const what of found) wrong.push(`cut ${n} after ${operation.kind} ${at}: ${what}`);
      }
    }
    rmSync(root, { recursive: true, force: true });
    return { states: seen.size, wrong };
  }

  #layOut(root: string): void {
    rmSync(root, { recursive: true, force: true });
    cpSync(this.#template, root, { recursive: true });
  }

  async #inspect(root: string, promised: readonly string[], andGoOn: boolean): Promise<string[]> {
    const subject = await subjectOf(this.name);
    try {
      const wrong = await subject.inspect(root, this.#setup, promised);
      return andGoOn ? [...wrong, ...(await subject.goOn(root, this.#setup))] : wrong;
    } catch (error) {
      return [`it cannot be used: ${error instanceof Error ? (error.stack ?? "") : String(error)}`];
    }
  }
}

function digestOf({ files }: DiskState, promised: readonly string[]): string {
  const sum = createHash("sha256").update(promised.join());
  for (const path of [...files.keys()].toSorted()) sum.update(`/${path}/`).update(files.get(path)!);
  return sum.digest("base64");
}

/** A directory for trials and children, in memory where that is possible. */
export const faultDirectory = (): string => mkdtempSync(join(ROOT, "schemaledger-faults-"));
