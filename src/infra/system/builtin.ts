/**
 * Modules of Node's for what is loaded at every start before the packs. A static import of one, in an ES
 * module, copies all its exports, and of `fs` that alone loads streams: 5 ms.
 */
export const builtin: NodeJS.Process["getBuiltinModule"] = (name: string) =>
  process.getBuiltinModule(name);
