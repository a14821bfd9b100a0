import { stripTypeScriptTypes } from "node:module";
import type { CodeLanguage } from "../../domain/migration/migration.ts";

/** What a module exports. */
export type Exports = { readonly [name: string]: unknown };

/**
 * Evaluates a module by its text alone: what it may import are Node's own modules and URLs, so that
 * nothing runs that the text's digest does not cover. Rejects with what evaluating it throws.
 */
export async function loadModule(text: string, language: CodeLanguage): Promise<Exports> {
  const script = language === "typescript" ? stripTypeScriptTypes(text) : text;
  const url = `data:text/javascript;base64,${Buffer.from(script).toString("base64")}`;
  return (await import(url)) as Exports;
}
