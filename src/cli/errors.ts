import type { DomainError } from "../domain/shared/errors.ts";
import { EXIT, exitCodeOf } from "./exit-codes.ts";
import { hintOf } from "./hints.ts";
import { plain, type Output } from "./output.ts";

/** Prints what happened, what is safe and what to type next. Returns the exit code. */
export function reportError(error: unknown, out: Output): number {
  const code = exitCodeOf(error);
  if (out.json) out.document("error/1", { exitCode: code, error: shape(error) });
  else process.stderr.write(text(error, code));
  return code;
}

/** Wrong usage, in JSON mode: the parser printed its own words to stderr already. */
export function reportUsage(error: Error, out: Output): number {
  const message = error.message.replace(/^error: /, "");
  out.document("error/1", { exitCode: EXIT.usage, error: { code: "usage", message } });
  return EXIT.usage;
}

/** Known errors tell their members; of others only the message is known to be harmless. */
function shape(error: unknown): object {
  const { message, code, details } = error as Partial<DomainError>;
  const hint = hintOf(error);
  return {
    code: code ?? "internal",
    message: message ?? String(error),
    ...(hint === undefined ? {} : { hint }),
    ...(details === undefined ? {} : { details }),
  };
}

function text(error: unknown, exitCode: number): string {
  const { message, code, details } = error as Partial<DomainError>;
  const words = lines((message ?? String(error)) + statementOf(details));
  const head = `schemaledger: ${words}${code === undefined ? "" : ` (${code})`}\n`;
  const diff = details?.["diff"];
  const shown = typeof diff === "string" ? diff.replace(/^(?:Index: .*\n)?=+\n/, "") : undefined;
  const safe = safety(details, exitCode);
  const hint = hintOf(error);
  return (
    head +
    (shown === undefined ? "" : `${indented(shown)}\n`) +
    (safe === undefined ? "" : `  ${safe}\n`) +
    (hint === undefined ? "" : `  ${lines(hint)}\n`)
  );
}

/** Which statement of its file a step failed in. */
function statementOf(details: DomainError["details"] | undefined): string {
  const run = details?.["run"] as { readonly error?: { readonly statement?: number } } | undefined;
  const number = run?.error?.statement;
  return number === undefined ? "" : `, in statement ${number}`;
}

const indented = (text: string): string => `  ${lines(text.trimEnd())}`;

/** Messages may have several lines, a diff for one; each is made harmless. */
const lines = (message: string): string => message.split("\n").map(plain).join("\n  ");

/** What is safe: said by the one who knows, else by the kind of error. */
function safety(details: DomainError["details"] | undefined, exitCode: number): string | undefined {
  const given = details?.["safe"];
  if (typeof given === "string") return given;
  return exitCode === EXIT.usage || exitCode === EXIT.refused || exitCode === EXIT.conflict
    ? "Nothing was changed."
    : undefined;
}
