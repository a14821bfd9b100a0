import { InvalidInput } from "../domain/shared/errors.ts";
import { readSmallFile, UnreadableFile } from "../infra/files/read-small-file.ts";

/** A secret, or an address that is one. */
const LIMIT = 64 << 10;

/** The first line of a file that somebody named. Error: InvalidInput file-unreadable. */
export async function firstLine(file: string): Promise<string> {
  try {
    return (await readSmallFile(file, LIMIT)).toString("utf8").split("\n", 1)[0]!.trim();
  } catch (error) {
    if (!(error instanceof UnreadableFile)) throw error;
    throw new InvalidInput("file-unreadable", `${file}: ${error.message}`, {
      hint: "Name a file that holds the secret in its first line",
    });
  }
}
