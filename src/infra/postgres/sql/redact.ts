/**
 * Hides what may be people's data in an error message of PostgreSQL: literals and numbers; with
 * `quoted` what is in double quotes too, for messages about values (class 22), not about names.
 */
export function redactMessage(text: string, quoted: boolean): string {
  return text
    .replaceAll(/'(?:[^']|'')*'?/g, "?")
    .replaceAll(/"[^"]*"?/g, (name) => (quoted ? '"?"' : name))
    .replaceAll(/(?<![\w"])[0-9]+(?:\.[0-9]+)?(?![\w"])/g, "?");
}
