import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { bundled } from "./bundle.ts";
import { PACKAGE_ROOT } from "./package-root.ts";

/** What makes state of events, and text of state. Everything that it imports belongs to it. */
const ROOT = new URL("dist/src/domain/state/folded.js", PACKAGE_ROOT);
const ALSO = new URL("dist/src/domain/ledger/upcast.js", PACKAGE_ROOT);

const IMPORT = /\bfrom "(\.[^"]+)"/g;

/**
 * A digest of the compiled code that folds events. State that other code has folded is folded
 * anew: nobody has to remember to raise a version. A fresh bundle has it ready (build/bundle.js).
 */
export function foldCode(): string {
  const ready = bundled("fold-code.txt");
  return ready === undefined ? digestOfModules() : readFileSync(ready, "utf8");
}

/** The digest, of the modules as they are. */
export function digestOfModules(): string {
  const modules = new Map<string, Buffer>();
  const found = [ROOT, ALSO];
  for (let module = found.pop(); module !== undefined; module = found.pop()) {
    if (modules.has(module.href)) continue;
    const code = readFileSync(module);
    modules.set(module.href, code);
    for (const [, path] of code.toString("utf8").matchAll(IMPORT))
      found.push(new URL(path!, module));
  }
  const sum = createHash("sha256");
  for (const [, code] of [...modules].toSorted(([a], [b]) => (a < b ? -1 : 1))) sum.update(code);
  return `sha256:${sum.digest("hex")}`;
}
