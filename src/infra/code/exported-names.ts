const DECLARED =
  /\bexport\s+(?:async\s+)?(?:function\s*\*?|const|let|var|class)\s+([\p{L}_$][\p{L}\p{N}_$]*)/gu;
const LISTED = /\bexport\s*\{([^}]*)\}/g;

/** The names that a module's text exports, read without evaluating it. */
export function exportedNames(text: string): Set<string> {
  const names = new Set<string>();
  for (const [, name] of text.matchAll(DECLARED)) names.add(name!);
  for (const [, list] of text.matchAll(LISTED))
    for (const item of list!.split(",")) {
      const name = item
        .trim()
        .split(/\s+as\s+/)
        .at(-1)!;
      if (name !== "") names.add(name);
    }
  return names;
}
