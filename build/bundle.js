import { build } from "esbuild";
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { pack, packPackages } from "./pack.js";

/*
 * Puts the compiled modules of what must start fast into few files: reading hundreds of small ones is most
 * of the time that a command takes. `src/infra/system/bundle.ts` uses them while they are fresh.
 * Native code and everything that is loaded by its path stays outside.
 */
const dist = new URL("../dist/", import.meta.url);
const out = new URL("bundle/", dist);

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

/** Commander can start other programs, which ours never does: 8 ms at each start. */
const lateProcesses = {
  name: "late-processes",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?child_process$/ }, ({ importer }) =>
      importer.includes("/commander/") ? { path: "processes", namespace: "late" } : undefined,
    );
    onLoad({ filter: /./, namespace: "late" }, () => ({
      contents: `exports.spawn = (...given) => process.getBuiltinModule("child_process").spawn(...given)`,
      loader: "js",
    }));
  },
};

const bundle = (name, file, root = "src") =>
  build({
    entryPoints: { [name]: fileURLToPath(new URL(`${root}/${file}`, dist)) },
    outdir: fileURLToPath(out),
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node22",
    external: ["better-sqlite3", "@aws-sdk/client-s3"],
    plugins: [bareHttp],
    minifyWhitespace: true,
    legalComments: "none",
    logLevel: "warning",
    // Packages in CommonJS ask for Node's own modules at run time.
    banner: { js: 'import{createRequire as r}from"node:module";const require=r(import.meta.url);' },
  });

/** Where a module or package belongs that a program does not need at once. */
const ALWAYS = new Set(["commander", "reflect-metadata", "tsyringe", "uuid", "@opentelemetry/api"]);
const OF_SERVICE = /^src\/api\/(routes|dto|openapi|report|auth|manners|monitoring)\//;
const fileOf = (place) => {
  if (!place.startsWith("src/")) return ALWAYS.has(place) ? "core" : undefined;
  if (place.startsWith("src/cli/")) return "commands";
  return OF_SERVICE.test(place) ? "service" : "core";
};

/** Their decorators describe requests, for whoever asks for all that were described. */
const isAtOnce = (path) => path.startsWith("src/api/dto/");

const packages = new Map();
const plugins = [lateProcesses];
const packed = (name, file, fileOfThis) =>
  pack({ dist, out, name, entry: `src/${file}`, fileOf: fileOfThis, isAtOnce, packages, plugins });
const prefixed = (prefix) => (place) => {
  const file = fileOf(place);
  return file === undefined ? undefined : `${prefix}${file}`;
};

await Promise.all([
  packed("program", "cli/program.js", fileOf),
  packed("library", "library/open-schemaledger.js", prefixed("library-")),
  packed("executor-main", "infra/executor/executor-main.js", prefixed("executor-")),
  // Threads and processes, found beside whatever starts them.
  bundle("verify-worker", "infra/sqlite/verify-worker.js"),
  bundle("packer-main", "infra/page-store/packer-main.js"),
  bundle("place-thread", "infra/page-store/place-thread.js"),
  bundle("lane-thread", "infra/page-store/lane-thread.js"),
  bundle("export-thread", "infra/log-export/export-thread.js"),
  bundle("pdf-worker", "infra/pdf/pdf-worker.js"),
  // Not in the package: the service that crash tests start hundreds of times.
  bundle("crash-service", "support/chaos/crash-service.js", "test"),
]);
await packPackages(packages, out, plugins);

// What tells whose state a stored projection is; modules do not change any more.
const { digestOfModules } = await import("../dist/src/infra/system/fold-code.js");
await writeFile(new URL("fold-code.txt", out), digestOfModules());
