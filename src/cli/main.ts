#!/usr/bin/env node
import { fail, requireNode } from "./runtime.ts";

// Before anything loads better-sqlite3, which crashes an older Node instead of explaining itself.
requireNode(process.versions.node);

const { run } = await import("./program.ts");
try {
  process.exitCode = await run(process.argv);
} catch (error) {
  fail(error);
}
