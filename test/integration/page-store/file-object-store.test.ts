import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileObjectStore } from "../../../src/infra/page-store/file-object-store.ts";
import { itBehavesAsObjectStore } from "../contracts/object-store.contract.ts";

describe("FileObjectStore", () => {
  itBehavesAsObjectStore(async () => {
    const directory = await mkdtemp(join(tmpdir(), "schemaledger-objects-"));
    return {
      open: () => new FileObjectStore(join(directory, "store")),
      dispose: () => rm(directory, { recursive: true }),
    };
  });
});
