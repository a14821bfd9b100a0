import assert from "node:assert/strict";
import {
  checkpointText,
  openCheckpoint,
  parseCheckpoint,
  signCheckpoint,
} from "../../../../src/domain/ledger/checkpoint.ts";
import {
  cosignatureBytes,
  cosignedMessage,
  noteOf,
  openNote,
  parseNote,
  signatureLine,
} from "../../../../src/domain/ledger/note.ts";
import {
  ED25519_COSIGNATURE,
  keyIdOf,
  parseVerifierKey,
  verifierKeyText,
} from "../../../../src/domain/ledger/verifier-key.ts";
import { checkEd25519, Ed25519Signer } from "../../../../src/infra/signing/ed25519-signer.ts";
import { signsAlone } from "../../../../src/domain/shared/signer.ts";
import { digest } from "../../../support/digest.ts";
import { vectors } from "../../../support/vectors.ts";

const { log, witness } = vectors.keys;
const { text, signed, cosigned } = vectors.checkpoint8;
const logKey = parseVerifierKey(digest, log.vkey);
const witnessKey = parseVerifierKey(digest, witness.vkey);
const signer = Ed25519Signer.fromSeed(log.name, digest.fromHex(log.seed_hex));
const head = { origin: log.name, size: 8, root: digest.fromHex(vectors.setB.roots[8]!) };

const open = (note: string, keys = [logKey]): string =>
  openNote(digest, note, keys, checkEd25519).text;

describe("verifier keys", () => {
  it("are read and written", () => {
    for (const [key, vector] of [
      [logKey, log],
      [witnessKey, witness],
    ] as const) {
      assert.equal(key.name, vector.name);
      assert.equal(digest.hex(key.id), vector.key_id);
      assert.equal(digest.hex(key.publicKey), vector.pub_hex);
      assert.equal(verifierKeyText(digest, key), vector.vkey);
    }
    assert.equal(signer.verifierKey, log.vkey);
    assert.equal(digest.hex(signer.keyId), log.key_id);
  });

  it("are refused when malformed or under a wrong id", () => {
    const wrong = [
      "",
      "name",
      log.vkey.replace("532c94f9", "532c94fa"),
      log.vkey.replace("532c94f9", "532C94F9"),
      log.vkey.slice(0, -4),
      log.vkey.replace("+AY", "+BY"),
      `${log.vkey}\n`,
      ` ${log.vkey}`,
    ];
    for (const key of wrong) {
      assert.throws(() => parseVerifierKey(digest, key), { code: "invalid-verifier-key" }, key);
    }
  });
});

describe("signed notes", () => {
  it("are written byte for byte, with signature and cosignature", async () => {
    const { note } = await signCheckpoint(digest, signsAlone(signer), head);
    assert.equal(note, signed);
    const seed = digest.fromHex(witness.seed_hex);
    const message = digest.utf8(cosignedMessage(witness.time, text));
    const bare = await Ed25519Signer.fromSeed(witness.name, seed).sign(message);
    const publicKey = digest.fromHex(witness.pub_hex);
    const line = signatureLine(digest, {
      name: witness.name,
      keyId: keyIdOf(digest, witness.name, ED25519_COSIGNATURE, publicKey),
      signature: cosignatureBytes(witness.time, bare),
    });
    assert.equal(signed + line, cosigned);
  });

  it("open with one key, both, or among unknown ones", () => {
    assert.equal(open(signed), text);
    assert.equal(open(cosigned), text);
    assert.equal(open(cosigned, [witnessKey]), text);
    const both = openNote(digest, cosigned, [logKey, witnessKey], checkEd25519);
    assert.deepEqual(
      both.verified.map((signature) => signature.name),
      [log.name, witness.name],
    );
  });

  it("open as the published example does", () => {
    const key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const note =
      "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    assert.equal(open(note, [parseVerifierKey(digest, key)]), "This is an example message.\n");
  });

  it("are refused with any change to text or signature", () => {
    assert.throws(() => open(signed.replace("\n8\n", "\n9\n")), { code: "bad-signature" });
    const [, line] = signed.split("\n\n");
    const signature = parseNote(digest, signed).signatures[0]!;
    for (let at = 0; at < 64; at += 1) {
      const changed = Uint8Array.from(signature.signature);
      changed[at]! ^= 1;
      const other = signatureLine(digest, { ...signature, signature: changed });
      assert.notEqual(other, line);
      assert.throws(() => open(noteOf(text, [other])), { code: "bad-signature" });
    }
    const short = { ...signature, signature: signature.signature.slice(1) };
    assert.throws(() => open(noteOf(text, [signatureLine(digest, short)])), {
      code: "bad-signature",
    });
  });

  it("are refused as a whole when one known key's signature is wrong", () => {
    const broken = cosigned.replace("AAAAAGlXNaq", "AAAAAGlXNar").replace("AABpVzWq", "AABpVzWr");
    assert.notEqual(broken, cosigned);
    assert.equal(open(broken), text);
    assert.throws(() => open(broken, [logKey, witnessKey]), { code: "bad-signature" });
  });

  it("are refused without a known key", () => {
    assert.throws(() => open(signed, [witnessKey]), { code: "unknown-signer" });
    assert.throws(() => open(signed, []), { code: "unknown-signer" });
  });

  const line = signed.slice(text.length + 1);
  const malformed: Readonly<Record<string, string>> = {
    "a carriage return": signed.replace("\n8\n", "\r\n8\n"),
    "a tab": signed.replace("8", "\t8"),
    "no last newline": signed.slice(0, -1),
    "no blank line": text + line,
    "no signature": `${text}\n`,
    "another dash": signed.replace("—", "-"),
    "two blanks": signed.replace("— ", "—  "),
    "base64 that is not canonical": signed.replace("FIgU=", "FIgV="),
    "a signature of four bytes": `${text}\n— a UyyU+Q==\n`,
    "too many lines": noteOf(
      text,
      Array.from({ length: 101 }, () => line),
    ),
  };
  for (const [what, note] of Object.entries(malformed)) {
    it(`are malformed with ${what}`, () => {
      assert.throws(() => open(note), { code: "malformed-note" });
    });
  }

  it("take sixteen signatures and more", () => {
    assert.equal(
      open(
        noteOf(
          text,
          Array.from({ length: 100 }, () => line),
        ),
      ),
      text,
    );
  });

  it("split at the last blank line", async () => {
    const twice = "first\n\nsecond\n";
    const signature = await signer.sign(digest.utf8(twice));
    const own = signatureLine(digest, { name: log.name, keyId: signer.keyId, signature });
    assert.equal(open(noteOf(twice, [own])), twice);
  });
});

describe("checkpoints", () => {
  it("are written and read", () => {
    assert.equal(checkpointText(digest, head), text);
    assert.equal(digest.ofText(text), `sha256:${vectors.checkpoint8.text_sha256}`);
    assert.deepEqual(parseCheckpoint(digest, text), { ...head, root: Buffer.from(head.root) });
    assert.deepEqual(openCheckpoint(digest, cosigned, [logKey], checkEd25519).size, 8);
    assert.equal(parseCheckpoint(digest, `${text}an extension\n`).size, 8);
  });

  it("are refused when malformed", () => {
    for (const wrong of [
      text.replace("\n8\n", "\n08\n"),
      text.replace("\n8\n", "\n-8\n"),
      text.replace("\n8\n", "\n8.0\n"),
      text.replace("\n8\n", "\n18446744073709551615\n"),
      text.replace("\n8\n", "\n\n"),
      text.slice(text.indexOf("\n")),
      text.slice(0, -1),
      text.replace("fvkg=", "fvkh="),
      text.replace("dH+E", ""),
      "",
    ]) {
      assert.throws(() => parseCheckpoint(digest, wrong), { code: "malformed-checkpoint" }, wrong);
    }
  });

  it("are refused when signed under another name than their origin", async () => {
    const { note } = await signCheckpoint(digest, signsAlone(signer), {
      ...head,
      origin: "other.example",
    });
    assert.throws(() => openCheckpoint(digest, note, [logKey], checkEd25519), {
      code: "malformed-checkpoint",
    });
  });
});
