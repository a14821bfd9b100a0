import { builtin } from "./builtin.ts";

/** The package's directory, with a slash at its end, wherever in it this module came to lie. */
export const PACKAGE_ROOT: URL = above(new URL(".", import.meta.url));

function above(directory: URL): URL {
  return builtin("node:fs").existsSync(new URL("package.json", directory))
    ? directory
    : above(new URL("..", directory));
}
