import { readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { compareVersions } from "../../src/domain/migration/version-order.ts";

/** One migration as its authors' files have it. */
export interface HistoryStep {
  readonly version: string;
  readonly name: string;
  readonly up: string;
  readonly down?: string;
}

export interface History {
  /** In the history's own order. */
  readonly steps: readonly HistoryStep[];
  /** Files that match no rule. */
  readonly unread: readonly string[];
}

/** How a path (relative, with `/`) tells version, name and direction. */
type Grammar = (path: string) => Parts | undefined;

interface Parts {
  readonly version: string;
  readonly name: string;
  readonly down: boolean;
}

const matching =
  (pattern: RegExp): Grammar =>
  (path) => {
    const { version, name, direction } = pattern.exec(path)?.groups ?? {};
    if (version === undefined || name === undefined) return undefined;
    return { version: version.replaceAll("/", "."), name, down: direction === "down" };
  };

const GRAMMARS: { readonly [name: string]: Grammar } = {
  "golang-migrate": matching(/^(?<version>\d+)_(?<name>.+?)\.(?<direction>up|down)\.+sql$/),
  authelia: matching(/^V(?<version>\d+)\.(?<name>.+)\.(?<direction>up|down)\.sql$/),
  diesel: matching(/^(?<version>(?<name>[^/]+))\/(?<direction>up|down)\.sql$/),
  memos: matching(/^(?<version>\d+\.\d+\/\d+)__(?<name>.+)\.sql$/),
  sqlx: matching(/^(?<version>\d+)_(?<name>.+?)(?:\.(?<direction>up|down))?\.sql$/),
  chroma: matching(/^(?<version>\d+)-(?<name>.+)\.sqlite\.sql$/),
  plain: matching(/^(?<version>(?<name>[^/]+))\.sql$/),
};

export const GRAMMAR_NAMES: readonly string[] = Object.keys(GRAMMARS);

/** Reads a folder of migrations; with `order` (file names), those files in that order. */
export function readHistory(folder: string, grammar: string, order?: readonly string[]): History {
  if (order !== undefined) return { steps: order.map(numbered(folder)), unread: [] };
  const read = GRAMMARS[grammar];
  if (read === undefined)
    throw new Error(`Unknown grammar ${grammar}; known: ${GRAMMAR_NAMES.join(", ")}`);
  const scripts = new Map<string, { name: string; up?: string; down?: string }>();
  const unread: string[] = [];
  for (const path of filesBelow(folder)) {
    const parts = read(path);
    if (parts === undefined) {
      unread.push(path);
      continue;
    }
    const step = scripts.get(parts.version) ?? { name: parts.name };
    step[parts.down ? "down" : "up"] = readFileSync(join(folder, path), "utf8");
    scripts.set(parts.version, step);
  }
  const steps = [...scripts].flatMap(([version, { name, up, down }]): HistoryStep[] =>
    up === undefined ? [] : [{ version, name, up, ...(down === undefined ? {} : { down }) }],
  );
  return { steps: steps.toSorted((a, b) => compareVersions(a.version, b.version)), unread };
}

const numbered =
  (folder: string) =>
  (file: string, at: number): HistoryStep => ({
    version: String(at + 1),
    name: file,
    up: readFileSync(join(folder, file), "utf8"),
  });

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted();
