import { requireNode } from "./runtime.ts";

// First of all: older ones lack what the next modules use, and crash instead of explaining themselves.
requireNode(process.versions.node);
