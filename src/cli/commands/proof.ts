import { join } from "node:path";
import { InvalidInput } from "../../domain/shared/errors.ts";
import { defineCommand, type Call } from "../command.ts";
import { DEFAULT_DATA, type SharedOptions } from "../shared-options.ts";

interface ProofOptions extends SharedOptions {
  readonly output?: string;
}

export const command = defineCommand<ProofOptions>({
  arguments: [{ name: "<index>", description: "index of the event" }],
  options: [{ flags: "--output <dir>", description: "where the files go (default: here)" }],
  ledger: true,
  format: "proof/1",
  members: {
    index: "of the event",
    proof: "the file with the proof (C2SP tlog-proof)",
    entry: "the file with the entry that the proof is about",
  },
  examples: ["schemaledger proof 7", "schemaledger proof 7 --output evidence"],
  details:
    "Check it with: node verifier/verify.js proof event-7.tlog-proof --entry event-7.entry\n",
  run: async (call) => {
    const index = indexOf(call.args[0]!);
    const { proof, entry } = await made(call, index);
    const { mkdir, writeFile } = await import("node:fs/promises");
    const directory = call.options.output ?? ".";
    await mkdir(directory, { recursive: true });
    const files = {
      proof: join(directory, `event-${index}.tlog-proof`),
      entry: join(directory, `event-${index}.entry`),
    };
    await writeFile(files.proof, proof);
    await writeFile(files.entry, entry);
    call.out.result({ index, ...files }, () => call.out.line(`${files.proof}  ${files.entry}`));
  },
});

async function made(
  call: Call<ProofOptions>,
  index: number,
): Promise<{ readonly proof: string; readonly entry: string | Uint8Array }> {
  if (call.options.server === undefined) {
    const { proveOffline } = await import("../../api/offline-ledger.ts");
    return proveOffline(call.options.data ?? DEFAULT_DATA, index);
  }
  const client = await call.connect("read");
  const text = async (what: string, type: string): Promise<string> => {
    let whole = "";
    for await (const piece of client.stream(`/v1/ledger/events/${index}/${what}`, type))
      whole += piece;
    return whole;
  };
  // An entry is JSON text: nothing is lost on the way.
  return {
    proof: await text("proof", "text/plain"),
    entry: await text("entry", "application/octet-stream"),
  };
}

function indexOf(text: string): number {
  if (/^(0|[1-9]\d{0,15})$/.test(text)) return Number(text);
  throw new InvalidInput("invalid-index", `${text} is not an index`, {
    hint: "schemaledger log shows the index of each event",
  });
}
