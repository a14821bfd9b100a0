import { createHmac, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Pseudonyms } from "../../domain/service/pseudonyms.ts";
import { Unavailable } from "../../domain/shared/errors.ts";
import { writeFileAtomic } from "../files/atomic-write.ts";

const PEPPER_BYTES = 32;

/** `act_` + hex(HMAC-SHA256(pepper, provider \n issuer \n subject))[0:32]. */
export class HmacPseudonyms implements Pseudonyms {
  readonly #pepper: Uint8Array;

  constructor(pepper: Uint8Array) {
    this.#pepper = pepper;
  }

  /** Reads the pepper from the file (hex, one line), which is created 0600 if it is missing. */
  static async open(file: string): Promise<HmacPseudonyms> {
    return new HmacPseudonyms(await readPepper(file));
  }

  of(provider: string, issuer: string, subject: string): string {
    const mac = createHmac("sha256", this.#pepper);
    return `act_${mac.update(`${provider}\n${issuer}\n${subject}`).digest("hex").slice(0, 32)}`;
  }
}

async function readPepper(file: string): Promise<Uint8Array> {
  try {
    return parse(file, await readFile(file, "utf8"));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    const pepper = randomBytes(PEPPER_BYTES);
    await writeFileAtomic(file, `${pepper.toString("hex")}\n`);
    return pepper;
  }
}

function parse(file: string, text: string): Uint8Array {
  const pepper = Buffer.from(text.trim(), "hex");
  if (pepper.length === PEPPER_BYTES) return pepper;
  throw new Unavailable("pepper-damaged", `${file} does not hold a pepper of 32 bytes`, {
    hint: "Restore the file: another pepper would give every actor another pseudonym",
  });
}
