import { createInterface } from "node:readline/promises";
import { InvalidInput, Refused } from "../domain/shared/errors.ts";

/** Asks on the terminal. Errors: InvalidInput confirmation-needed where none is; Refused declined. */
export async function confirm(question: string): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new InvalidInput("confirmation-needed", `${question} Nobody can be asked here`, {
      hint: "Repeat the command with --yes if that is what you want",
    });
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new Refused("declined", "Not confirmed");
  } finally {
    terminal.close();
  }
}
