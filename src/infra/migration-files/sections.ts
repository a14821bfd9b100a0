/** Parts of a file that lines of its own set apart, with what stands behind the marks. */
export interface Sections {
  readonly up: Section | undefined;
  readonly down: Section | undefined;
}

export interface Section {
  readonly text: string;
  /** What stands behind the mark on its line. */
  readonly options: string;
}

/** What a line is, by its text: the mark of a section with what is behind it. */
export type ReadMark = (
  line: string,
) => { readonly part: "up" | "down"; readonly options: string } | undefined;

/** Takes a file apart at its marks. Lines before the first mark belong to none. */
export function sectionsOf(text: string, readMark: ReadMark): Sections {
  const found: { up?: Section; down?: Section } = {};
  let open: { part: "up" | "down"; options: string; from: number } | undefined;
  const close = (to: number): void => {
    if (open === undefined) return;
    const before = found[open.part]?.text ?? "";
    found[open.part] = { text: before + text.slice(open.from, to), options: open.options };
  };
  for (let at = 0; at < text.length;) {
    const end = text.indexOf("\n", at);
    const next = end < 0 ? text.length : end + 1;
    const mark = readMark(text.slice(at, next).trimEnd());
    if (mark !== undefined) {
      close(at);
      open = { ...mark, from: next };
    }
    at = next;
  }
  close(text.length);
  return { up: found.up, down: found.down };
}
