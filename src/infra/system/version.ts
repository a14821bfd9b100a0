import { readFileSync } from "node:fs";

const file = new URL("../../../../package.json", import.meta.url);

/** The product's version, from package.json. */
export const TOOL_VERSION: string = (
  JSON.parse(readFileSync(file, "utf8")) as { readonly version: string }
).version;
