import { Decrypter, Encrypter, identityToRecipient } from "age-encryption";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { chmod, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  decryptWith,
  encryptTo,
  isRecipient,
  newIdentityLine,
  parseIdentity,
} from "../../../src/infra/page-store/age.ts";
import {
  OWN,
  openBackupKeys,
  type BackupEncryption,
  type OpenedKeys,
} from "../../../src/infra/page-store/backup-keys.ts";
import { FileObjectStore } from "../../../src/infra/page-store/file-object-store.ts";
import { ROOT } from "../../support/repository.ts";
import { TemporaryStore } from "../../support/temporary-store.ts";
import { itBehavesAsBackupStore } from "../contracts/backup-store.contract.ts";

const KEY = randomBytes(32).toString("hex");
const hasAge = spawnSync("age", ["--version"]).status === 0;

describe("PageBackupStore, encrypted", () => {
  itBehavesAsBackupStore(() => TemporaryStore.create({ current: KEY, all: [] }));

  it("has nothing of the content, of names or of digests in the clear", async () => {
    const place = await TemporaryStore.create({ current: KEY, all: [] });
    const content = Buffer.from("the secret that must not be seen ".repeat(4000));
    await place.backUp(randomUUID(), { "clear-name.db": content });
    for (const folder of ["packs", "lists", "manifests"])
      for (const name of readdirSync(join(place.root, folder))) {
        const bytes = readFileSync(join(place.root, folder, name)).toString("latin1");
        for (const clear of ["secret", "clear-name", "shop", "orders", "frames"])
          assert(!bytes.includes(clear), `${folder}/${name} has ${clear}`);
      }
    await place.dispose();
  });
});

describe("age files", () => {
  it("are opened by the library that is not ours, and the other way round", async () => {
    const line = newIdentityLine();
    const { recipient } = parseIdentity(line)!;
    assert.equal(await identityToRecipient(line), recipient);
    for (const length of [0, 1, 65, 1000, 65_536]) {
      const content = randomBytes(length);
      const theirs = new Decrypter();
      theirs.addIdentity(line);
      assert.deepEqual(Buffer.from(await theirs.decrypt(encryptTo([recipient], content))), content);
      const encrypter = new Encrypter();
      encrypter.addRecipient(recipient);
      const file = await encrypter.encrypt(content);
      if (length < 65_536) assert.deepEqual(decryptWith([parseIdentity(line)!], file), content);
    }
  });

  it("are opened by every recipient and by nobody else", () => {
    const [one, two, three] = [0, 1, 2].map(() => parseIdentity(newIdentityLine())!);
    const file = encryptTo([one!.recipient, two!.recipient], Buffer.from("key"));
    for (const identity of [one!, two!])
      assert.equal(decryptWith([identity], file)?.toString(), "key");
    assert.equal(decryptWith([three!], file), undefined);
    assert.equal(decryptWith([three!, two!], file)?.toString(), "key");
  });

  it("are refused with any byte changed, or cut anywhere", () => {
    const identity = parseIdentity(newIdentityLine())!;
    const file = encryptTo([identity.recipient], Buffer.from("a data key in hex"));
    const opens = (bytes: Buffer): boolean => {
      try {
        return decryptWith([identity], bytes) !== undefined;
      } catch {
        return false;
      }
    };
    for (let at = 0; at < file.length; at += 1) {
      const changed = Buffer.from(file);
      changed[at]! ^= 1 << (at % 8);
      assert(!opens(changed), `byte ${at}`);
      assert(!opens(file.subarray(0, at)), `length ${at}`);
    }
  });

  it("have recipients that are told from what only looks like one", () => {
    const { recipient } = parseIdentity(newIdentityLine())!;
    assert(isRecipient(recipient));
    const wrong = ["", "age1", recipient.toUpperCase(), recipient.slice(0, -1), `${recipient}q`];
    for (const one of [...wrong, newIdentityLine(), `x${recipient}`])
      assert(!isRecipient(one), one);
    assert.equal(parseIdentity(recipient), undefined);
  });
});

describe("keys of an encrypted store", () => {
  let place: TemporaryStore;
  let identityFile: string;
  let time = Date.parse("2025-01-01T00:00:00.000Z");

  beforeEach(async () => {
    place = await TemporaryStore.create();
    identityFile = join(place.directory, "backup.identity");
  });
  afterEach(() => place.dispose());

  /** As a service does when it starts; each time a second later. */
  async function open(more: Partial<BackupEncryption> = {}): Promise<OpenedKeys> {
    const objects = new FileObjectStore(place.root);
    time += 1000;
    const encryption = { identityFile, mayMake: true, ...more };
    const keys = await openBackupKeys(objects, encryption, new Date(time).toISOString());
    place.keys = keys;
    return keys;
  }

  const wrapped = (): string[] => readdirSync(join(place.root, "keys"));
  const files = { a: randomBytes(9000) };
  const other = { a: randomBytes(9000) };
  const offline = newIdentityLine();
  const { recipient } = parseIdentity(offline)!;

  it("are none until somebody asks for them", async () => {
    assert.deepEqual(await open(), { current: null, all: [] });
    assert.throws(() => statSync(identityFile));
  });

  it("are made with an identity of the service, which is kept from others", async () => {
    const { current, change } = await open({ recipients: [OWN] });
    assert.match(current!, /^[0-9a-f]{64}$/);
    assert.equal(statSync(identityFile).mode & 0o777, 0o600);
    assert.equal(change?.recipients.length, 1);
    assert.deepEqual(change?.rewrapped, []);
    assert(!wrapped()[0]!.includes(current!.slice(0, 8)));
  });

  it("stay in use without being asked for again, and can be turned off", async () => {
    const first = await open({ recipients: [recipient] });
    const again = await open({ recipients: [recipient] });
    const without = await open();
    assert.deepEqual([again.current, without.current], [first.current, first.current]);
    assert.deepEqual([again.change, without.change], [undefined, undefined]);
    const off = await open({ recipients: "none" });
    assert.deepEqual(off, { current: null, all: [first.current] });
  });

  it("open what was written before, encrypted or not", async () => {
    const [plain, sealed, later] = [randomUUID(), randomUUID(), randomUUID()];
    await open();
    await place.backUp(plain, files);
    await open({ recipients: [recipient] });
    await place.backUp(sealed, other, plain);
    await open({ recipients: "none" });
    await place.backUp(later, files, sealed);
    assert.deepEqual(await place.restore(plain), files);
    assert.deepEqual(await place.restore(sealed), other);
    assert.deepEqual(await place.restore(later), files);
  });

  it("can be opened offline: another identity, the age tool, and the example script", async () => {
    const id = randomUUID();
    const { current } = await open({ recipients: [recipient] });
    await place.backUp(id, files);
    const key = join(place.root, "keys", wrapped()[0]!);
    const decrypter = new Decrypter();
    decrypter.addIdentity(offline);
    const text = await decrypter.decrypt(readFileSync(key), "text");
    assert.equal(text, `${current}\n`);
    if (hasAge) {
      const own = join(place.directory, "offline.txt");
      await writeFile(own, `${offline}\n`);
      await chmod(own, 0o600);
      const { stdout } = spawnSync("age", ["--decrypt", "-i", own, key], { encoding: "utf8" });
      assert.equal(stdout, text);
    }
    const script = join(ROOT, "docs/examples/restore-backup.mjs");
    const to = join(place.directory, "restored");
    const args = [script, place.root, id, to];
    const ran = spawnSync(process.execPath, args, { env: { DATA_KEYS: text }, encoding: "utf8" });
    assert.equal(ran.status, 0, ran.stderr);
    assert.deepEqual(readFileSync(join(to, "a")), files.a);
    const locked = spawnSync(process.execPath, args, { env: {}, encoding: "utf8" });
    assert.match(locked.stderr, /DATA_KEYS has no key/);
  });

  it("are new when the recipients change, and the old ones open for the new recipients", async () => {
    const [one, two] = [randomUUID(), randomUUID()];
    const before = await open({ recipients: [recipient] });
    await place.backUp(one, files);
    const leaver = wrapped()[0]!;
    const joiner = newIdentityLine();
    const after = await open({ recipients: [parseIdentity(joiner)!.recipient] });
    assert.notEqual(after.current, before.current);
    assert.equal(after.change?.rewrapped.length, 1);
    assert.equal(wrapped().length, 2);
    assert(!wrapped().includes(leaver));
    await place.backUp(two, other, one);
    const open2 = [...wrapped()].map((name) =>
      decryptWith([parseIdentity(joiner)!], readFileSync(join(place.root, "keys", name))),
    );
    assert.deepEqual(
      open2.map((text) => String(text).trim()).toSorted(),
      [before.current!, after.current!].toSorted(),
    );
    for (const name of wrapped())
      assert.equal(
        decryptWith([parseIdentity(offline)!], readFileSync(join(place.root, "keys", name))),
        undefined,
      );
    await open();
    assert.deepEqual(await place.restore(one), files);
    assert.deepEqual(await place.restore(two), other);
  });

  it("take up a rotation that a crash interrupted", async () => {
    const id = randomUUID();
    await open({ recipients: [recipient] });
    await place.backUp(id, files);
    const old = wrapped()[0]!;
    const bytes = readFileSync(join(place.root, "keys", old));
    await open({ recipients: [OWN] });
    // The old wrapping was not deleted yet.
    writeFileSync(join(place.root, "keys", old), bytes);
    assert.equal((await open({ recipients: [OWN] })).change, undefined);
    assert.deepEqual(await place.restore(id), files);
  });

  it("are refused in words when they are missing, wrong, damaged or rotated away", async () => {
    const id = randomUUID();
    await open({ recipients: [recipient] });
    await place.backUp(id, files);
    const identity = readFileSync(identityFile);
    await rm(identityFile);
    for (const recipients of [undefined, [recipient]] as const)
      await assert.rejects(open(recipients === undefined ? {} : { recipients }), {
        code: "backup-identity-missing",
      });
    // Without encryption the service starts, and says so where the backup is needed.
    await open({ recipients: "none" });
    await assert.rejects(place.restore(id), { code: "backup-key-missing" });
    await assert.rejects((await place.open()).manifest(id), { code: "backup-key-missing" });
    await writeFile(identityFile, `${newIdentityLine()}\n`);
    await assert.rejects(open(), { code: "backup-identity-wrong" });
    for (const text of ["", "# nothing\n", "AGE-SECRET-KEY-1XYZ\n", `${recipient}\n`]) {
      await writeFile(identityFile, text);
      await assert.rejects(open(), (error: Error) => {
        assert.equal((error as Error & { code: string }).code, "backup-identity-invalid");
        assert(!error.message.includes("XYZ"));
        return true;
      });
    }
    await writeFile(identityFile, `# kept offline\n${newIdentityLine()}\n${offline}\n`);
    await open();
    assert.deepEqual(await place.restore(id), files);
    await writeFile(identityFile, identity);
    const key = join(place.root, "keys", wrapped()[0]!);
    const whole = readFileSync(key);
    whole[whole.length - 3]! ^= 1;
    await writeFile(key, whole);
    await assert.rejects(open(), { code: "backup-key-damaged" });
  });
});
