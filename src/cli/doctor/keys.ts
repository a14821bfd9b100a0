import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { requireKeyFiles } from "../../api/key-files.ts";
import { DomainError } from "../../domain/shared/errors.ts";
import { fine, wrong, type Examined } from "./examined.ts";

const WHAT = "keys";

/** Every secret is there, and its owner's alone. */
export async function examineKeys(data: string): Promise<Examined[]> {
  const directory = join(data, "keys");
  try {
    await requireKeyFiles(data);
    const exposed: string[] = [];
    for (const path of [directory, ...(await filesBelow(directory))])
      if (((await stat(path)).mode & 0o077) !== 0) exposed.push(path);
    if (exposed.length === 0) return [fine(WHAT, `all there, for their owner alone`)];
    return [
      wrong(
        WHAT,
        `others can read ${exposed.slice(0, 3).join(", ")}${exposed.length > 3 ? " …" : ""}`,
        "chmod go= them, and think of what was in them as known to others",
      ),
    ];
  } catch (error) {
    if (error instanceof DomainError) return [wrong(WHAT, error.message, error.hint ?? "")];
    const why = error instanceof Error ? error.message : String(error);
    return [wrong(WHAT, `cannot be looked at: ${why}`, "Run it as the service's user")];
  }
}

async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true });
  return entries.map((entry) => join(entry.parentPath, entry.name));
}
