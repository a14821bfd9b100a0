import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A directory of its own for every test of the suite that calls this, removed afterwards. */
export function temporaryDirectory(): { readonly path: string; file(name: string): string } {
  let path = "";
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), "schemaledger-test-"));
  });
  afterEach(() => {
    rmSync(path, { recursive: true, force: true });
  });
  return {
    get path() {
      return path;
    },
    file: (name) => join(path, name),
  };
}
