import { build, transform } from "esbuild";
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";

/*
 * Packs put compiled modules into few files in which each is evaluated when something of it is first used,
 * not when a module that imports it is: of all that a program can do, a command pays for what it does.
 * In CommonJS, because Node links that without copying the exports of its own modules.
 *
 * A module becomes a function of its exports in a numbered list. `import { a } from "./m.js"`, used as `a(1)`,
 * becomes `(import_m??=L(7)).a(1)`: L evaluates module 7 once. An import without names is evaluated in its place.
 */
const PARAMETERS = "(F,L,R,X,D,N,here)";

/** Found by their paths: they have parts that are no modules. */
const NATIVE = new Set(["better-sqlite3", "libpg-query", "pg-native"]);

const TARGET = { format: "cjs", platform: "node", target: "node22", legalComments: "none" };
const IMPORT = /\bvar (\w+)=(?:__toESM\()?require\("([^"]+)"\)\)?;/g;
const EXPORTS =
  /var stdin_exports=\{\};__export\(stdin_exports,(\{.*?\})\);module\.exports=__toCommonJS\(stdin_exports\);/;
const LEFT_OVER = /\bstdin_exports|\bmodule\.exports=|\b__reExport|(?<![#.\w])require\("/;

/**
 * Writes the packs of a program. `name` is loaded and exports what `entry` does; `name-start` has that with all
 * that it imports; the others have what is imported for later, in the files that `fileOf` says, of a path below
 * `dist` or the name of a package. Packages for which it says nothing are files of their own, told in `packages`.
 * Modules for which `isAtOnce` holds are evaluated with those that import them: they register something.
 */
export async function pack({ dist, out, name, entry, fileOf, isAtOnce, packages, plugins }) {
  const modules = await reachable(new URL(entry, dist), { fileOf, packages, plugins });
  const [main] = modules.keys();
  const first = closure(modules, main);
  const ids = new Map([...modules.keys()].map((key, id) => [key, id]));
  const texts = new Map();
  const pathOf = (key) => relative(fileURLToPath(dist), fileURLToPath(key));
  const atOnce = (key) => key?.startsWith("file:") && isAtOnce(pathOf(key));
  const places = [...modules].map(([key, module]) => {
    const path = module.isPackage ? key : pathOf(key);
    const file = first.has(key) ? `${name}-start` : fileOf(path);
    const text = module.isPackage ? module.code : linked(module, { ids, atOnce, path });
    texts.set(file, [...(texts.get(file) ?? []), `F[${ids.get(key)}]=${ascii(text)}`]);
    return `./${file}.cjs`;
  });
  const runtime = await readFile(new URL("./pack-runtime.cjs", import.meta.url), "utf8");
  const digest = createHash("sha256")
    .update(runtime)
    .update(JSON.stringify([...texts]));
  const head =
    `const DIGEST="${digest.digest("hex").slice(0, 16)}",FILES=${JSON.stringify(places)};\n` +
    `${(await transform(runtime, { minifyWhitespace: true })).code}`;
  await mkdir(out, { recursive: true });
  const write = (file, text) => writeFile(new URL(`${file}.cjs`, out), `"use strict";${text}`);
  await write(name, `${head}\nmodule.exports=load(${ids.get(main)});\n`);
  for (const [file, functions] of texts)
    await write(file, `${PARAMETERS}=>{\n${functions.join("\n")}\n};\n`);
}

/**
 * Writes a package and what it needs into one file, with the names that Node would give a module which
 * imports it. The other packages of the list are not repeated in it: there is one of each.
 */
export async function packPackages(packages, out, plugins) {
  const files = new Map(
    [...packages.keys()].map((name) => [
      fileURLToPath(import.meta.resolve(name)),
      `./${fileOfPackage(name)}`,
    ]),
  );
  await Promise.all(
    [...packages].map(async ([name, hasDefault]) => {
      const own = fileURLToPath(import.meta.resolve(name));
      const others = new Map([...files].filter(([path]) => path !== own));
      const text = await textOfPackage(name, hasDefault, [...plugins, shared(others)]);
      await writeFile(new URL(fileOfPackage(name), out), text);
    }),
  );
}

const fileOfPackage = (name) => `npm-${name.replaceAll(/[^\w.-]/g, "-")}.cjs`;

async function textOfPackage(name, hasDefault, plugins) {
  const { outputFiles } = await build({
    ...TARGET,
    stdin: {
      contents: `export * from "${name}";${hasDefault ? `export { default } from "${name}"` : ""}`,
      resolveDir: ".",
      // As a module of Node's, it takes the whole of a package in CommonJS for its default.
      sourcefile: "package.mjs",
    },
    write: false,
    bundle: true,
    minify: true,
    keepNames: true,
    logLevel: "warning",
    plugins,
  });
  return outputFiles[0].text;
}

const shared = (others) => ({
  name: "shared",
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^/ }, async ({ path, pluginData, ...from }) => {
      // What a package can use and nobody has to have installed is looked for when it is used.
      if (NATIVE.has(path)) return { path, external: true };
      if (pluginData === "asked" || from.kind === "entry-point") return undefined;
      const found = await resolve(path, { ...from, pluginData: "asked" });
      const file = others.get(found.path);
      return file === undefined ? found : { path: file, external: true };
    });
  },
});

/** All that an entry reaches, with its text: modules by URL, packages by name. The entry comes first. */
async function reachable(entry, { fileOf, packages, plugins }) {
  const modules = new Map();
  const found = [entry.href];
  for (let key = found.pop(); key !== undefined; key = found.pop()) {
    if (modules.has(key)) continue;
    const module = key.startsWith("file:")
      ? await moduleOf(key, { fileOf, packages })
      : await packageOf(key, plugins);
    modules.set(key, module);
    found.push(...module.needed, ...module.later);
  }
  return modules;
}

async function moduleOf(href, { fileOf, packages }) {
  const { code } = await transform(await readFile(new URL(href), "utf8"), {
    ...TARGET,
    minifyWhitespace: true,
    define: { "import.meta.url": "here" },
  });
  const keyOf = (specifier) => {
    if (specifier.startsWith(".")) return new URL(specifier, href).href;
    if (isBuiltin(specifier) || NATIVE.has(specifier)) return undefined;
    if (fileOf(specifier) !== undefined) return specifier;
    packages.set(specifier, packages.get(specifier) === true || hasDefault(code, specifier));
    return undefined;
  };
  const all = (pattern) =>
    [...code.matchAll(pattern)].map(([, specifier]) => keyOf(specifier)).filter((key) => key);
  return {
    code,
    keyOf,
    needed: all(/(?<![#.\w])require\("([^"]+)"\)/g),
    later: all(/\bimport\("([^"]+)"\)/g),
  };
}

function hasDefault(code, wanted) {
  const found = [...code.matchAll(IMPORT)].find(([, , specifier]) => specifier === wanted);
  return found !== undefined && code.includes(`${found[1]}.default`);
}

/** A package as a function that gives its exports. */
async function packageOf(name, plugins) {
  const text = await textOfPackage(name, false, plugins);
  const module = "const module={exports:{}}";
  const code = `()=>{${module};((require,exports)=>{${text}})(R,module.exports);return module.exports};`;
  return { code, needed: [], later: [], isPackage: true };
}

/** What is imported by one, by what that imports, and so on: not what is imported for later. */
function closure(modules, main) {
  const all = new Set([main]);
  for (const key of all) for (const needed of modules.get(key).needed) all.add(needed);
  return all;
}

/** A module as a function of its exports. */
function linked({ code, keyOf }, { ids, atOnce, path }) {
  const loadedAs = (specifier, needsDefault) => {
    const key = keyOf(specifier);
    if (key !== undefined) return `L(${ids.get(key)})`;
    if (!isBuiltin(specifier) && !NATIVE.has(specifier))
      return `R("./${fileOfPackage(specifier)}")`;
    return needsDefault ? `N("${specifier}")` : `R("${specifier}")`;
  };
  const late = new Map();
  let body = code
    .slice(Math.max(code.indexOf("var stdin_exports={};"), 0))
    .replace(EXPORTS, "X(exports,$1);")
    .replace(/0&&\(module\.exports=\{.*?\}\);?\s*$/, "")
    .trim()
    .replaceAll(IMPORT, (_, variable, specifier) => {
      const loaded = loadedAs(specifier, code.includes(`${variable}.default`));
      if (!variable.startsWith("import_") || atOnce(keyOf(specifier)))
        return `const ${variable}=${loaded};`;
      if (!code.includes(`${variable}.`)) return `${loaded};`;
      late.set(variable, loaded);
      return `var ${variable};`;
    });
  for (const [variable, loaded] of late)
    body = body.replaceAll(new RegExp(`\\b${variable}\\.`, "g"), `(${variable}??=${loaded}).`);
  body = body.replaceAll(/\bimport\("([^"]+)"\)/g, (_, specifier) => {
    const key = keyOf(specifier);
    return key === undefined
      ? `new Promise(done=>done(${loadedAs(specifier, true)}))`
      : `D(${ids.get(key)})`;
  });
  const rest = LEFT_OVER.exec(body);
  if (rest !== null) throw new Error(`${path} cannot be packed: it still has ${rest[0]}`);
  return `exports=>{${body}};`;
}

/** Read as bytes, a pack need not be decoded. */
const ascii = (text) =>
  text.replaceAll(/[^\x00-\x7f]/g, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return `\\u${code.padStart(4, "0")}`;
  });
