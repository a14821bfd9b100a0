import { build } from "esbuild";
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/*
 * Puts the compiled modules of what must start fast into few files: reading hundreds of small ones is most
 * of the time that a command takes. `src/infra/system/bundle.ts` uses them while they are fresh.
 * Native code and everything that is loaded by its path stays outside.
 */
const dist = fileURLToPath(new URL("../dist/", import.meta.url));

/*
 * Node copies every export of a built-in module that an ES module imports, and of `http` one of them
 * (WebSocket) loads an HTTP client that nobody uses: 60 ms at each start. Asked for by this function it is
 * taken as it is.
 */
const bareHttp = {
  name: "bare-http",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?https?$/ }, ({ path }) => ({ path, namespace: "bare-http" }));
    onLoad({ filter: /./, namespace: "bare-http" }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)})`,
      loader: "js",
    }));
  },
};

const bundle = (name, file, splitting, root = "src") =>
  build({
    entryPoints: { [name]: `${dist}${root}/${file}` },
    outdir: `${dist}bundle`,
    bundle: true,
    splitting,
    format: "esm",
    platform: "node",
    target: "node22",
    external: ["better-sqlite3"],
    plugins: [bareHttp],
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
  // Threads and processes, found beside whatever starts them.
  bundle("verify-worker", "infra/sqlite/verify-worker.js", false),
  bundle("packer-main", "infra/page-store/packer-main.js", false),
  bundle("place-thread", "infra/page-store/place-thread.js", false),
  bundle("lane-thread", "infra/page-store/lane-thread.js", false),
  bundle("pdf-worker", "infra/pdf/pdf-worker.js", false),
  // Not in the package: the service that crash tests start hundreds of times.
  bundle("crash-service", "support/chaos/crash-service.js", false, "test"),
]);

// What tells whose state a stored projection is; modules do not change any more.
const { digestOfModules } = await import("../dist/src/infra/system/fold-code.js");
await writeFile(`${dist}bundle/fold-code.txt`, digestOfModules());
