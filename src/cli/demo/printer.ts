/** Prints the story: plain lines, with colour only on a terminal that wants it. */
export class Printer {
  readonly #colour: boolean;
  readonly #began = performance.now();

  constructor(colour: boolean) {
    this.#colour = colour;
  }

  title(text: string): void {
    this.#line(`\n${this.#paint("1", text)}`);
  }

  /** Something the story tells. */
  say(text: string): void {
    this.#line(`  ${text}`);
  }

  good(text: string): void {
    this.#line(`  ${this.#paint("32", "✓")} ${text}`);
  }

  bad(text: string): void {
    this.#line(`  ${this.#paint("31", "✗")} ${text}`);
  }

  code(text: string): void {
    this.#line(`    ${this.#paint("36", text)}`);
  }

  seconds(): string {
    return ((performance.now() - this.#began) / 1000).toFixed(1);
  }

  #paint(style: string, text: string): string {
    return this.#colour ? `\u001b[${style}m${text}\u001b[0m` : text;
  }

  #line(text: string): void {
    process.stdout.write(`${text}\n`);
  }
}
