import { createHash } from "node:crypto";
import { jcs } from "../../domain/ledger/jcs.ts";
import { newTiles, TILE_WIDTH, tilePath, type TileId } from "../../domain/ledger/tile.ts";
import type { Context } from "../../domain/shared/actor.ts";
import { DomainError } from "../../domain/shared/errors.ts";
import { tarEnd, tarHeader, tarPadding } from "../../infra/files/tar.ts";
import { CONTENT_DIGEST, EXPORT_README } from "../../infra/log-export/log-export.ts";
import { payloadLines } from "../../infra/log-export/payload-lines.ts";
import type { ReportFormat } from "../dto/report.query.ts";
import type { Services } from "../services.ts";
import { bundlePolicy, bundleReadme } from "./bundle-texts.ts";
import { reportFile } from "./report-files.ts";
import type { ReportSource } from "./report-source.ts";

type Bytes = string | Uint8Array;

/** A file that is made when it is its turn, and again the same for its digest. */
interface BundleFile {
  readonly path: string;
  readonly content: () => AsyncIterable<Bytes> | Iterable<Bytes>;
}

/**
 * The archive: docs/reference/evidence-bundle.md. The report is made first, its digest goes into
 * the manifest, the manifest's into the ledger, and the log that follows has that event.
 */
export async function* evidenceBundle(
  services: Services,
  source: ReportSource,
  context: Context,
): AsyncGenerator<Bytes> {
  const files = await filesOf(services, source);
  const sizes = new Map<string, number>();
  const digests: { [path: string]: string } = {};
  for (const { path, content } of files) {
    const { size, digest } = await measured(content());
    sizes.set(path, size);
    digests[path] = digest;
  }
  const manifest = jcs({ format: 1, files: digests });
  const { from, to, first, last } = source.report.period;
  const facts = { report: "evidence", format: "application/x-tar", from, to, first, last } as const;
  await services.issuer.record({ ...facts, sha256: services.digest.ofText(manifest) }, context);
  const checkpoint = await services.ledger.checkpoint();
  yield* whole("manifest.json", manifest);
  for (const file of files) yield* one(file, sizes.get(file.path)!);
  yield* whole("log/checkpoint", checkpoint.note);
  yield* log(services, checkpoint.size);
  yield tarEnd();
}

/** Every file that the manifest names. */
async function filesOf(services: Services, source: ReportSource): Promise<BundleFile[]> {
  const vkeys = services.signingKeys.list().map(({ verifierKey }) => verifierKey);
  const text = (path: string, ...content: Bytes[]): BundleFile => ({
    path,
    content: () => content,
  });
  const formats: readonly ReportFormat[] = ["json", "html", "csv", "pdf"];
  return [
    text("README.txt", bundleReadme(source.report)),
    text("policy.txt", bundlePolicy(vkeys)),
    text("log/README.txt", EXPORT_README),
    text("log/vkey", vkeys.map((key) => `${key}\n`).join("")),
    ...formats.map((format) => ({
      path: `report/changes.${format}`,
      content: () => reportFile(source, format),
    })),
    ...(await proofs(services, source)),
  ];
}

/** Of each change's request and end. */
async function proofs(
  { proofs: prover }: Services,
  { report }: ReportSource,
): Promise<BundleFile[]> {
  const files: BundleFile[] = [];
  const indexes = report.changes.flatMap(({ requested, ended }) =>
    ended === null ? [requested.index] : [requested.index, ended.index],
  );
  for (const index of indexes.toSorted((a, b) => a - b)) {
    const text = await prover.fileOf(index);
    files.push({ path: `proofs/${index}.tlog-proof`, content: () => [text] });
  }
  return files;
}

async function measured(
  content: ReturnType<BundleFile["content"]>,
): Promise<{ size: number; digest: string }> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of content) {
    hash.update(chunk);
    size += typeof chunk === "string" ? Buffer.byteLength(chunk, "utf8") : chunk.length;
  }
  return { size, digest: `sha256:${hash.digest("hex")}` };
}

async function* one({ path, content }: BundleFile, size: number): AsyncGenerator<Bytes> {
  yield tarHeader(path, size);
  let written = 0;
  for await (const chunk of content()) {
    written += typeof chunk === "string" ? Buffer.byteLength(chunk, "utf8") : chunk.length;
    yield chunk;
  }
  if (written !== size)
    throw new DomainError("internal", `${path} became another while the bundle was made`);
  yield tarPadding(size);
}

function* whole(path: string, content: Bytes): Generator<Bytes> {
  const bytes = typeof content === "string" ? Buffer.from(content, "utf8") : content;
  yield tarHeader(path, bytes.length);
  yield bytes;
  yield tarPadding(bytes.length);
}

/** The whole log, with payloads and the texts that they name. */
async function* log(services: Services, size: number): AsyncGenerator<Bytes> {
  const named = new Set<string>();
  for (const tile of newTiles(0, size)) {
    const bytes = await services.transparencyLog.tile(tile);
    if (bytes === undefined) throw new DomainError("internal", `No tile ${tilePath(tile)}`);
    yield* whole(`log/tile/${tilePath(tile)}`, bytes);
    if (tile.level === "entries") yield* payloads(services, tile, named);
  }
  for (const hex of [...named].toSorted()) {
    const text = await services.ledger.content(`sha256:${hex}`);
    if (text !== undefined) yield* whole(`log/contents/${hex}`, text);
  }
}

async function* payloads(
  services: Services,
  tile: TileId,
  named: Set<string>,
): AsyncGenerator<Bytes> {
  const entries = await services.transparencyLog.entries(tile.index * TILE_WIDTH, tile.width);
  for (const { payload } of entries)
    for (const [, hex] of payload?.matchAll(CONTENT_DIGEST) ?? []) named.add(hex!);
  const path = tilePath(tile).replace("entries/", "payloads/");
  yield* whole(`log/${path}`, payloadLines(entries));
}
