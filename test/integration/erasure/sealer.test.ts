import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Sealed } from "../../../src/domain/erasure/sealed.ts";
import type { Append } from "../../../src/domain/ledger/ledger.ts";
import { Sealer } from "../../../src/infra/erasure/sealer.ts";
import { SubjectKeys } from "../../../src/infra/erasure/subject-keys.ts";
import { UuidIds } from "../../../src/infra/system/uuid-ids.ts";
import { digest } from "../../support/digest.ts";
import { ACTOR, appendTo, context } from "../../support/ledger-samples.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

describe("sealing personal data", () => {
  const directory = temporaryDirectory();
  const place = (): string => directory.file("subjects");
  const made = (): { keys: SubjectKeys; sealer: Sealer } => {
    const keys = new SubjectKeys(place());
    return { keys, sealer: new Sealer(keys, digest, new UuidIds()) };
  };
  const reasonIn = (append: Append): Sealed =>
    (append.events[0]!.data as unknown as { reason: Sealed }).reason;

  it("hides words, names and addresses, and binds them to the event", async () => {
    const { sealer } = made();
    const sealed = await sealer.append(appendTo("service"));
    const text = JSON.stringify(sealed);
    for (const word of ["rotated", "127.0.0.1"]) assert.ok(!text.includes(word), text);
    const reason = reasonIn(sealed);
    assert.equal(reason.$enc.of, sealed.ids![0]);
    assert.equal(sealer.open(reason), "rotated 0");
    assert.deepEqual(sealer.open(sealed.context.source as unknown as Sealed), context().source);
    const moved = { $enc: { ...reason.$enc, of: "another event" } };
    assert.equal(sealer.open(moved), undefined);
    const other = { $enc: { ...reason.$enc, pt: digest.ofText("other") } };
    assert.equal(sealer.open(other), undefined);
  });

  it("seals a key's name for its holder, and nothing of the service's own", async () => {
    const { keys, sealer } = made();
    const holder = "act_ffffffffffffffffffffffffffffffff";
    const data = {
      keyId: "k",
      name: "Ana",
      roles: [],
      tokenHash: "",
      actorId: holder,
      actorKind: "user",
    };
    const issued = appendTo("service", "any", { events: [{ type: "KeyIssued", data } as never] });
    const { events } = await sealer.append(issued);
    const name = (events[0]!.data as unknown as { name: Sealed }).name;
    assert.deepEqual(keys.keysOf(holder), [name.$enc.kid]);
    const system = context({ actor: { id: ACTOR, kind: "system" } });
    const own = appendTo("service", "any", { context: system });
    assert.equal(sealer.append(own), own);
  });

  it("keeps one key an actor, across restarts and at once", async () => {
    const first = made();
    const both = await Promise.all([1, 2].map(async () => first.sealer.append(appendTo("s"))));
    const kids = both.map((append) => reasonIn(append).$enc.kid);
    assert.equal(kids[0], kids[1]);
    const again = made();
    assert.equal(again.sealer.open(reasonIn(both[0]!)), "rotated 0");
    assert.ok(!(again.sealer.append(appendTo("s")) instanceof Promise));
    for (const name of readdirSync(place()))
      assert.equal(statSync(join(place(), name)).mode & 0o777, 0o600);
  });

  it("makes the keys of many actors at once, and reads them all again", async () => {
    const { sealer } = made();
    const actors = Array.from({ length: 20 }, (_, i) => `act_${String(i).padStart(32, "0")}`);
    const sealed = await Promise.all(
      actors.map(async (id) => {
        const by = context({ actor: { id, kind: "user" } });
        return sealer.append(appendTo("s", "any", { context: by }));
      }),
    );
    const again = made().sealer;
    for (const append of sealed) assert.equal(again.open(reasonIn(append)), "rotated 0");
  });

  it("cannot open what was sealed under a key that was destroyed", async () => {
    const { keys, sealer } = made();
    const sealed = await sealer.append(appendTo("s"));
    const answer = await sealer.answer(`${ACTOR}:key`, '{"reason":"rotated"}');
    assert.equal(sealer.storedAnswer(answer), '{"reason":"rotated"}');
    const kids = keys.keysOf(ACTOR);
    for (const repeated of [kids, kids]) await keys.destroy(repeated);
    for (const one of [sealer, made().sealer]) {
      assert.equal(one.open(reasonIn(sealed)), undefined);
      assert.equal(one.storedAnswer(answer), undefined);
    }
    assert.deepEqual(readdirSync(place()), ["wrap"]);
    const later = await sealer.append(appendTo("s"));
    assert.notEqual(reasonIn(later).$enc.kid, kids[0]);
    assert.equal(sealer.open(reasonIn(later)), "rotated 0");
  });

  it("refuses to start on keys that it cannot read", async () => {
    const { sealer } = made();
    await sealer.append(appendTo("s"));
    const file = join(
      place(),
      readdirSync(place()).find((name) => name !== "wrap")!,
    );
    writeFileSync(file, readFileSync(file, "utf8").replace(/"wrapped":"..../, '"wrapped":"AAAA'));
    assert.throws(made, { code: "subject-keys-damaged" });
  });
});
