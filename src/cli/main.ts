#!/usr/bin/env node
import "./require-node.ts";
import type * as Program from "./program.ts";
import { packed } from "../infra/system/bundle.ts";
import { endWithReader, useCompileCache } from "./runtime.ts";

useCompileCache();
endWithReader();

const program = packed<typeof Program>("program.cjs") ?? (await import("./program.ts"));
process.exitCode = await program.run(process.argv);
