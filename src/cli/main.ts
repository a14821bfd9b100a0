#!/usr/bin/env node
import type * as Program from "./program.ts";
import { bundled } from "../infra/system/bundle.ts";
import { endWithReader, requireNode, useCompileCache } from "./runtime.ts";

// Before anything loads better-sqlite3, which crashes an older Node instead of explaining itself.
requireNode(process.versions.node);
useCompileCache();
endWithReader();

const { run } = (await import(bundled("program.js") ?? "./program.ts")) as typeof Program;
process.exitCode = await run(process.argv);
