#!/usr/bin/env node
import type * as Program from "./program.ts";
import { packed } from "../infra/system/bundle.ts";
import { endWithReader, requireNode, useCompileCache } from "./runtime.ts";

// Before anything loads better-sqlite3, which crashes an older Node instead of explaining itself.
requireNode(process.versions.node);
useCompileCache();
endWithReader();

const program = packed<typeof Program>("program.cjs") ?? (await import("./program.ts"));
process.exitCode = await program.run(process.argv);
