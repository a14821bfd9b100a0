import assert from "node:assert/strict";
import { SubjectKeys } from "../../../src/infra/erasure/subject-keys.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

describe("keys of subjects that another process makes", () => {
  const directory = temporaryDirectory();

  it("are found when they are made, and are gone when they are destroyed", async () => {
    const writer = new SubjectKeys(directory.file("subjects"));
    const reader = new SubjectKeys(directory.file("subjects"), { others: true });
    const { kid, key } = await writer.of("act_1");
    assert.deepEqual(Buffer.from(reader.find(kid)!), Buffer.from(key));
    assert.equal(reader.find("subj_0000000000000000"), undefined);
    await writer.destroy([kid]);
    assert.equal(reader.find(kid), undefined);
  });
});
