/*
 * What a packed program begins with (build/pack.js puts it there): evaluates modules when they are first used,
 * and keeps the compiled form of the other packs beside Node's own compile cache. That one has no code of
 * functions that ran later; this one has all that a run has compiled, and grows while runs compile more.
 */
const nodeRequire = require;
const here = nodeRequire("node:url").pathToFileURL(__filename).href;

/** By number: what was evaluated, and what evaluates it. */
const evaluated = [];
const functions = [];

const load = (id) => {
  const known = evaluated[id];
  if (known !== undefined) return known;
  if (functions[id] === undefined)
    loadPack(FILES[id])(functions, load, nodeRequire, define, later, whole, here);
  const exports = {};
  evaluated[id] = exports;
  // A package gives exports of its own.
  return (evaluated[id] = functions[id](exports) ?? exports);
};

const define = (exports, all) => {
  for (const name in all)
    Object.defineProperty(exports, name, { get: all[name], enumerable: true });
};

const later = (id) => new Promise((resolve) => resolve(load(id)));

/** A module in CommonJS as one of Node's modules imports it. */
const whole = (name) => {
  const found = nodeRequire(name);
  return { default: found, ...found };
};

function loadPack(file) {
  const fs = nodeRequire("node:fs");
  const { Script, constants } = nodeRequire("node:vm");
  const filename = nodeRequire("node:path").join(__dirname, file);
  const cache = cacheOf(file);
  const kept = keptCode(fs, cache);
  const script = new Script(fs.readFileSync(filename, "latin1"), {
    filename,
    cachedData: kept?.code,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const before = kept === undefined || script.cachedDataRejected ? 0 : kept.modules;
  if (cache !== undefined) process.once("exit", () => keepCode(fs, cache, script, before));
  return script.runInThisContext();
}

/** One file for each command: what it needs is read, and nothing else. Undefined: nothing is kept. */
function cacheOf(file) {
  const directory = nodeRequire("node:module").getCompileCacheDir();
  if (directory === undefined) return undefined;
  const command = /^[a-z]{1,12}$/.exec(process.argv[2] ?? "")?.[0] ?? "program";
  return `${directory}/${DIGEST}-${command}-${file.replace(/\W+/g, "-")}`;
}

/** The number of modules that were evaluated comes first. */
function keptCode(fs, cache) {
  if (cache === undefined) return undefined;
  try {
    const bytes = fs.readFileSync(cache);
    return bytes.length < 8
      ? undefined
      : { modules: bytes.readUInt32LE(0), code: bytes.subarray(8) };
  } catch {
    // There is none yet, or none that can be read: the pack is compiled.
    return undefined;
  }
}

/** A file is there whole or not at all: what V8 takes for its own code it does not check again. */
function keepCode(fs, cache, script, before) {
  const modules = evaluated.filter((module) => module !== undefined).length;
  if (modules < before * 1.1 + 1) return;
  const head = Buffer.alloc(8);
  head.writeUInt32LE(modules, 0);
  const fresh = `${cache}.${process.pid}`;
  try {
    const file = fs.openSync(fresh, "wx", 0o600);
    fs.writevSync(file, [head, script.createCachedData()]);
    fs.fsyncSync(file);
    fs.closeSync(file);
    fs.renameSync(fresh, cache);
    forgetOld(fs, nodeRequire("node:path").dirname(cache));
  } catch {
    // It is only slower without, as where nothing may be written.
    try {
      fs.rmSync(fresh, { force: true });
    } catch {
      // Nor removed.
    }
  }
}

/** Of programs that were replaced long ago. */
function forgetOld(fs, directory) {
  const limit = Date.now() - 30 * 24 * 3600_000;
  for (const name of fs.readdirSync(directory)) {
    if (!/^[0-9a-f]{16}-.*-cjs$/.test(name) || name.startsWith(DIGEST)) continue;
    const path = `${directory}/${name}`;
    if (fs.statSync(path).mtimeMs < limit) fs.rmSync(path, { force: true });
  }
}
