import { languageOf } from "./code-files.ts";

/** Languages of files that stand among migrations and cannot be run. */
export const LANGUAGES: ReadonlyMap<string, string> = new Map([
  ["go", "Go"],
  ["py", "Python"],
  ["rb", "Ruby"],
  ["java", "Java"],
  ["kt", "Kotlin"],
  ["cs", "C#"],
  ["rs", "Rust"],
  ["php", "PHP"],
  ["fizz", "Fizz"],
  ["sh", "a shell"],
]);

/** Why a file is no migration, where the format has nothing better to say. */
export function whyNot(file: string, expected: string): string {
  const extension = /\.([^./]+)$/.exec(file)?.[1] ?? "";
  const language = LANGUAGES.get(extension.toLowerCase());
  if (language !== undefined)
    return `it is written in ${language}: what it does to the database has to become an SQL or JavaScript step`;
  if (languageOf(file) !== undefined)
    return "its name is not that of a step, or it is for its tool's own interface: a step of code exports up(db) and is named as SQL files are";
  if (!/^sql$/i.test(extension)) return "it does not end in .sql";
  if (extension !== "sql") return "its ending is not written .sql";
  return expected;
}
