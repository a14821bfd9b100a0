const VERSION = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const LEADING = /^[Vv]?(\d+(?:\.\d+)*)[._-]*(.*)$/;

/** A text that can be a version: what cannot be in one becomes a dash. */
export function versionFrom(text: string): string {
  if (VERSION.test(text)) return text;
  const made = text
    .replaceAll(/[^A-Za-z0-9._-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 128);
  return made === "" ? "0" : made;
}

/** `20240101000001_init.js` → version and name; a name without digits in front is both. */
export function fromFileName(file: string): { readonly version: string; readonly name: string } {
  const stem = file
    .replace(/^.*[/\\]/, "")
    .replace(/(?:\.(?:up|down))?\.(?:sql|js|cjs|mjs|ts|cts|mts|py|rb|go)$/i, "");
  const [, version, rest] = LEADING.exec(stem) ?? [];
  if (version === undefined) return { version: versionFrom(stem), name: stem };
  return { version, name: readable(rest!) || version };
}

/** Words of a file name with spaces between them. */
export const readable = (text: string): string => text.replaceAll(/[_\s-]+/g, " ").trim();
