import { open, type FileHandle } from "node:fs/promises";

/** So much is written between two syncs, bytes: the disk is at work, and the calls cost nothing. */
const AT_ONCE = 64 << 20;

/**
 * Sends files to the disk while they are being written by others, so that little is left to wait
 * for at the end.
 */
export class EarlySync {
  readonly #files: readonly FileHandle[];
  #synced = 0;
  #running: Promise<void> | undefined;
  /** What the disk said of an early sync: it says so once. */
  #failure: Error | undefined;

  private constructor(files: readonly FileHandle[]) {
    this.#files = files;
  }

  static async open(paths: readonly string[]): Promise<EarlySync> {
    return new EarlySync(await Promise.all(paths.map((path) => open(path, "r+"))));
  }

  /** So many bytes of all files have been written by now. */
  written(bytes: number): void {
    if (this.#running !== undefined || bytes < this.#synced + AT_ONCE) return;
    this.#synced = bytes;
    this.#running = this.#sync().then(
      () => void (this.#running = undefined),
      (error: Error) => void (this.#failure ??= error),
    );
  }

  /** Everything written is on the disk when this resolves. */
  async finish(): Promise<void> {
    await this.#running;
    // One that failed is not tried again: what it did not write counts as written ever after.
    if (this.#failure !== undefined) throw this.#failure;
    await this.#sync();
  }

  async close(): Promise<void> {
    await this.#running;
    for (const file of this.#files) await file.close();
  }

  async #sync(): Promise<void> {
    for (const file of this.#files) await file.sync();
  }
}
