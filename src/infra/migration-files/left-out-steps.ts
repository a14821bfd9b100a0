import { languageOf } from "./code-files.ts";
import { LANGUAGES } from "./why-not.ts";

/** Versions as tools begin names with them: `12_`, `V2__`, `0003`, `20240101120000-`. */
const NUMBERED = /^[vur]?(\d[\d.]*)/i;

/**
 * The version of a step that cannot be run, by the name of its file: a program where the names of programs are those of
 * steps. Undefined for any other file.
 */
export function leftOutVersion(file: string): string | undefined {
  const extension = /\.([^./]+)$/.exec(file)?.[1]?.toLowerCase() ?? "";
  if (languageOf(file) === undefined && !LANGUAGES.has(extension)) return undefined;
  const [name = "", folder = ""] = file.split("/").toReversed();
  const own = NUMBERED.exec(name)?.[1];
  const above = NUMBERED.exec(folder)?.[1];
  return (own ?? above)?.replace(/\.+$/, "");
}
