import { build } from "esbuild";
import { fileURLToPath } from "node:url";

/*
 * Puts the compiled modules of what must start fast into few files: reading hundreds of small ones is most
 * of the time that a command takes. `src/infra/system/bundle.ts` uses them while they are fresh.
 * Native code and everything that is loaded by its path stays outside.
 */
const dist = fileURLToPath(new URL("../dist/", import.meta.url));

const bundle = (name, file, splitting) =>
  build({
    entryPoints: { [name]: `${dist}src/${file}` },
    outdir: `${dist}bundle`,
    bundle: true,
    splitting,
    format: "esm",
    platform: "node",
    target: "node22",
    external: ["better-sqlite3"],
    minifyWhitespace: true,
    legalComments: "none",
    logLevel: "warning",
    // Packages in CommonJS ask for Node's own modules at run time.
    banner: { js: 'import{createRequire as r}from"node:module";const require=r(import.meta.url);' },
  });

await Promise.all([
  // A command loads what it needs; the others are one file each, of which everything is needed.
  bundle("program", "cli/program.js", true),
  bundle("library", "library/open-schemaledger.js", false),
  bundle("executor-main", "infra/executor/executor-main.js", false),
  // A thread, found beside whatever starts it.
  bundle("verify-worker", "infra/sqlite/verify-worker.js", false),
]);
