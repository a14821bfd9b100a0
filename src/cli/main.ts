#!/usr/bin/env node
import { requireNode, useCompileCache } from "./runtime.ts";

// Before anything loads better-sqlite3, which crashes an older Node instead of explaining itself.
requireNode(process.versions.node);
useCompileCache();

const { run } = await import("./program.ts");
process.exitCode = await run(process.argv);
