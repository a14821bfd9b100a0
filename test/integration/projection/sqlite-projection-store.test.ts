import { IN_MEMORY } from "../../../src/infra/sqlite/projection-file.ts";
import { SqliteProjectionStore } from "../../../src/infra/sqlite/sqlite-projection-store.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { projectionStoreContract } from "../contracts/projection-store.contract.ts";

describe("SqliteProjectionStore", () => {
  const directory = temporaryDirectory();
  let count = 0;
  projectionStoreContract(
    "in a file",
    () => new SqliteProjectionStore(directory.file(`${(count += 1)}.db`)),
  );
  projectionStoreContract("in memory", () => new SqliteProjectionStore(IN_MEMORY));
});
