import assert from "node:assert/strict";
import { isIP } from "node:net";
import {
  checkedAddresses,
  isPrivate,
  type Address,
} from "../../../../src/infra/alerting/address-guard.ts";

const addressOf = (address: string): Address => ({ address, family: isIP(address) as 4 | 6 });

describe("the guard of addresses", () => {
  it("knows what is not of the public network", () => {
    for (const address of [
      "0.0.0.0",
      "10.1.2.3",
      "100.64.0.1",
      "127.0.0.1",
      "127.255.255.254",
      "169.254.169.254",
      "172.16.0.1",
      "172.31.255.255",
      "192.168.1.1",
      "198.19.0.1",
      "224.0.0.1",
      "255.255.255.255",
      "::",
      "::1",
      "::7f00:1",
      "::ffff:127.0.0.1",
      "::ffff:a00:1",
      "::ffff:0:127.0.0.1",
      "64:ff9b::a00:1",
      "2002:7f00:1::",
      "3fff::1",
      "5f00::1",
      "fc00::1",
      "fd12:3456::1",
      "fe80::1",
      "fe80::1%eth0",
      "ff02::1",
    ])
      assert.equal(isPrivate(addressOf(address)), true, address);
    for (const address of [
      "1.1.1.1",
      "172.15.255.255",
      "172.32.0.1",
      "192.167.255.255",
      "2606:4700::1",
      "::ffff:1.1.1.1",
    ])
      assert.equal(isPrivate(addressOf(address)), false, address);
  });

  it("refuses a name that has one private address among others", async () => {
    const resolve = (): Promise<Address[]> =>
      Promise.resolve([addressOf("1.1.1.1"), addressOf("10.0.0.1")]);
    await assert.rejects(checkedAddresses("hooks.example.org", false, resolve), {
      code: "alert-address-refused",
    });
    assert.equal((await checkedAddresses("hooks.example.org", true, resolve)).length, 2);
  });

  it("looks a name up once, and never a literal address", async () => {
    const answers = [[addressOf("1.1.1.1")], [addressOf("127.0.0.1")]];
    const resolve = (): Promise<Address[]> => Promise.resolve(answers.shift()!);
    const found = await checkedAddresses("hooks.example.org", false, resolve);
    assert.deepEqual(found, [addressOf("1.1.1.1")]);
    assert.equal(answers.length, 1);
    assert.deepEqual(await checkedAddresses("[2606:4700::1]", false, resolve), [
      addressOf("2606:4700::1"),
    ]);
    assert.equal(answers.length, 1);
  });
});
