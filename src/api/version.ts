export { TOOL_VERSION } from "../infra/system/version.ts";
