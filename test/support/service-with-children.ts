import { ProcessExecutor } from "../../src/infra/executor/process-executor.ts";
import { FAKE_ENGINE, perform, quietHost, targetOf } from "./executor.ts";

/*
 * A service of tests: two children wait, one holds a transaction on the file that the arguments
 * name. Tells its parent the children's process ids.
 */
const executor = new ProcessExecutor({ spare: 2, engineModule: FAKE_ENGINE });
const session = await executor.open(targetOf("/any"), quietHost);
const pending = perform(session, `${process.argv[2]!}:${process.argv[3]!}`);
await executor.warm();
process.send!(executor.children());
await pending;
