import { ProcessExecutor } from "../../src/infra/executor/process-executor.ts";
import { FAKE_ENGINE } from "./executor.ts";

/* Warms two children, tells of them, and ends without closing them. */
const executor = new ProcessExecutor({ spare: 2, engineModule: FAKE_ENGINE });
await executor.warm();
process.send!(executor.children());
process.channel!.unref();
