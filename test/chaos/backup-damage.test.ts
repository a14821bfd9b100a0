import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DomainError } from "../../src/domain/shared/errors.ts";
import { newIdentityLine, parseIdentity } from "../../src/infra/page-store/age.ts";
import { openBackupKeys, OWN } from "../../src/infra/page-store/backup-keys.ts";
import { FileObjectStore } from "../../src/infra/page-store/file-object-store.ts";
import { LONG, extent } from "../support/chaos/extent.ts";
import { Dice } from "../support/random-sql.ts";
import { TemporaryStore } from "../support/temporary-store.ts";

/*
 * Damage of every kind in every object of a store: a restore gives what was stored, byte for byte,
 * or says what is wrong. It never gives something else.
 */

const MUTATIONS = extent(40, 400);

/** What a restore may say of a damaged store. */
const TOLD = new Set([
  "backup-damaged",
  "backup-not-found",
  "backup-key-missing",
  "backup-key-damaged",
  "backup-identity-wrong",
]);

type Mutate = (bytes: Buffer, dice: Dice, other: Buffer) => Buffer | undefined;

const MUTATIONS_OF_BYTES: { readonly [kind: string]: Mutate } = {
  "flipped bit": (bytes, dice) => {
    const at = dice.roll(bytes.length);
    bytes[at]! ^= 1 << dice.roll(8);
    return bytes;
  },
  "zeroed range": (bytes, dice) => {
    const at = dice.roll(bytes.length);
    bytes.subarray(at, at + 1 + dice.roll(600)).fill(0);
    return bytes;
  },
  "random range": (bytes, dice) => {
    const at = dice.roll(bytes.length);
    randomBytes(1 + dice.roll(40)).copy(bytes, at);
    return bytes;
  },
  truncated: (bytes, dice) => bytes.subarray(0, dice.roll(bytes.length)),
  longer: (bytes, dice) => Buffer.concat([bytes, randomBytes(1 + dice.roll(5000))]),
  "another object of its kind": (_bytes, _dice, other) => other,
  "the end of another": (bytes, dice, other) => {
    const at = dice.roll(Math.min(bytes.length, other.length));
    return Buffer.concat([bytes.subarray(0, at), other.subarray(at)]);
  },
  missing: () => undefined,
};

for (const sealed of [false, true])
  describe(`damage in a backup store that is ${sealed ? "" : "not "}encrypted`, function () {
    this.timeout(LONG ? 600_000 : 60_000);
    let place: TemporaryStore;
    let pristine: string;
    let identityFile: string;
    const contents = new Map<string, { readonly a: Buffer }>();

    before(async () => {
      place = await TemporaryStore.create();
      identityFile = join(place.directory, "backup.identity");
      await open();
      let content = randomBytes(300_000);
      let parent: string | null = null;
      // Enough packs for an index.
      for (let step = 0; step < 36; step += 1) {
        content = Buffer.from(content);
        // More new pages than are stored without asking the index.
        randomBytes(20 * 4096).copy(content, (step % 50) * 4096);
        const id = randomUUID();
        await place.backUp(id, { a: content }, parent);
        if (step % 9 === 0) contents.set(id, { a: content });
        parent = id;
      }
      pristine = join(place.directory, "pristine");
      cpSync(place.root, pristine, { recursive: true });
    });
    after(() => place.dispose());

    async function open(): Promise<void> {
      const recipients = sealed ? { recipients: [OWN] } : {};
      const encryption = { identityFile, mayMake: true, ...recipients };
      const objects = new FileObjectStore(place.root);
      place.keys = await openBackupKeys(objects, encryption, "2025-01-01T00:00:00.000Z");
    }

    function heal(): void {
      rmSync(place.root, { recursive: true });
      cpSync(pristine, place.root, { recursive: true });
    }

    /** True: what was stored came back. False: it was told that it cannot. */
    async function restores(id: string): Promise<boolean> {
      try {
        await open();
        assert.deepEqual(await place.restore(id), contents.get(id));
        return true;
      } catch (error) {
        assert(error instanceof DomainError && TOLD.has(error.code), String(error));
        return false;
      }
    }

    for (const folder of ["packs", "lists", "manifests", ...(sealed ? ["keys"] : [])])
      it(`in ${folder} is found, or does no harm`, async () => {
        const dice = new Dice(folder.length);
        let found = 0;
        for (let round = 0; round < MUTATIONS; round += 1) {
          const ids = [...contents.keys()];
          const names = folder === "manifests" ? ids : readdirSync(join(pristine, folder));
          const name = dice.pick(names);
          const id = folder === "manifests" ? name : dice.pick(ids);
          const path = join(place.root, folder, name);
          const other = readFileSync(join(pristine, folder, names[dice.roll(names.length)]!));
          const kinds = Object.entries(MUTATIONS_OF_BYTES);
          const [kind, mutate] = kinds[dice.roll(kinds.length)]!;
          const mutated = mutate(readFileSync(path), dice, other);
          if (mutated === undefined) rmSync(path);
          else writeFileSync(path, mutated);
          const restored = await restores(id).catch((error: unknown) => {
            throw new Error(`${kind} in ${folder}/${name}: ${String(error)}`);
          });
          if (!restored) found += 1;
          copyFileSync(join(pristine, folder, name), path);
          // A pack that was found damaged is remembered; it is whole again.
          rmSync(join(place.root, "damaged"), { recursive: true, force: true });
        }
        // Most damage matters: a check that never fails would pass otherwise.
        assert(found > 0);
        for (const id of contents.keys()) assert(await restores(id));
      });

    it("in an index or in packs never makes a new backup wrong", async () => {
      const dice = new Dice(7);
      const base = [...contents.values()].at(-1)!.a;
      for (let round = 0; round < MUTATIONS / 4; round += 1) {
        heal();
        for (const folder of ["indexes", "packs"]) {
          const names = readdirSync(join(place.root, folder));
          assert(names.length > 0, folder);
          const path = join(place.root, folder, names[dice.roll(names.length)]!);
          const bytes = readFileSync(path);
          const kinds = Object.values(MUTATIONS_OF_BYTES);
          const mutated = kinds[dice.roll(kinds.length)]!(bytes, dice, bytes);
          if (mutated === undefined) rmSync(path);
          else writeFileSync(path, mutated);
        }
        await open();
        // Pages that the store has, elsewhere, and some that it has not.
        const content = { a: Buffer.concat([randomBytes(4096), base]) };
        const id = randomUUID();
        await place.backUp(id, content);
        const first = await place.restore(id).catch((error: unknown) => {
          assert(error instanceof DomainError && TOLD.has(error.code), String(error));
          return undefined;
        });
        if (first !== undefined) {
          assert.deepEqual(first, content);
          continue;
        }
        // It relied on a damaged pack, which is known from now on.
        assert(existsSync(join(place.root, "damaged")));
        const again = randomUUID();
        await place.backUp(again, content);
        assert.deepEqual(await place.restore(again), content);
      }
    });

    if (sealed)
      it("in the identity is told, whatever it is", async () => {
        heal();
        const whole = readFileSync(identityFile);
        const [id] = contents.keys();
        for (let at = 0; at < whole.length; at += LONG ? 1 : 7) {
          const text = Buffer.from(whole);
          text[at]! ^= 1;
          writeFileSync(identityFile, text);
          await open().then(
            // In the comment.
            async () => assert.deepEqual(await place.restore(id!), contents.get(id!)),
            (error: unknown) =>
              assert(
                error instanceof DomainError &&
                  ["backup-identity-invalid", "backup-identity-wrong"].includes(error.code),
              ),
          );
        }
        writeFileSync(identityFile, `${newIdentityLine()}\n`);
        assert(parseIdentity(newIdentityLine()) !== undefined);
        await assert.rejects(open(), { code: "backup-identity-wrong" });
        writeFileSync(identityFile, whole);
        assert(await restores(id!));
      });
  });
