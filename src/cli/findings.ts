import type { Finding } from "../domain/migration/events.ts";
import { plain, type Output } from "./output.ts";

/** What a check or a drill found, a line each with what to do below it. */
export function printFindings(out: Output, findings: readonly Finding[]): void {
  for (const { severity, code, message, hint } of findings)
    out.line(
      `${severity}: ${plain(message)} (${code})${hint === undefined ? "" : `\n  ${plain(hint)}`}`,
    );
}
