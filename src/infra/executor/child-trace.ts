import type { Progress } from "../../domain/engine/database-engine.ts";
import type { RemoteSpan } from "../telemetry/tracing.ts";

type Open = { -readonly [M in keyof RemoteSpan]: RemoteSpan[M] };

/** What a call did in this process, as the service is told of it: the call, and the phases it went through. */
export class ChildTrace {
  readonly #spans: Open[] = [];
  /** Place of the phase that goes on. */
  #phase: number | undefined;

  constructor(name: string) {
    const attributes = { "process.pid": process.pid };
    this.#spans.push({ name, began: now(), ended: 0, attributes });
  }

  /** A phase begins, unless it is the one that goes on. */
  progress({ phase, version }: Progress): void {
    const name = version === undefined ? phase : `${phase} ${version}`;
    if (this.#phase !== undefined && this.#spans[this.#phase]!.name === name) return;
    this.#endPhase();
    this.#phase = this.#spans.push({ name, began: now(), ended: 0, parent: 0 }) - 1;
  }

  end(failed: boolean): readonly RemoteSpan[] {
    this.#endPhase();
    const [call] = this.#spans;
    call!.ended = now();
    if (failed) call!.failed = true;
    return this.#spans;
  }

  #endPhase(): void {
    if (this.#phase !== undefined) this.#spans[this.#phase]!.ended = now();
    this.#phase = undefined;
  }
}

/** Milliseconds since 1970, with fractions: the clock of the machine, which both processes share. */
const now = (): number => performance.timeOrigin + performance.now();
