import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { readConfig } from "../../src/api/config.ts";
import { startService } from "../../src/api/service.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

describe("the key files of a ledger", () => {
  const directory = temporaryDirectory();

  for (const name of ["origin", "signing.pem", "pepper"])
    it(`are needed to go on with it: ${name}`, async () => {
      const data = directory.file("data");
      const config = readConfig({ data, host: "127.0.0.1", port: 0, roots: [directory.path] });
      const service = await startService(config);
      await service.close();
      await rm(join(data, "keys", name));
      await assert.rejects(startService(config), { code: "key-files-missing" });
    });
});
