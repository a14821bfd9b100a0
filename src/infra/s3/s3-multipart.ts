import { randomUUID } from "node:crypto";
import type { ListMultipartUploadsCommandOutput } from "@aws-sdk/client-s3";
import { checksumOf } from "./s3-checksum.ts";
import type { S3Connection } from "./s3-connection.ts";
import { nameOf } from "./s3-errors.ts";
import type { NewLock } from "./s3-locks.ts";

/** Parts on their way at once. */
const AT_ONCE = 2;

export interface LargeObject {
  readonly key: string;
  readonly parts: readonly Uint8Array[];
  readonly partBytes: number;
  readonly lock: NewLock;
}

/**
 * Puts a large object in parts, each with its checksum. Nothing is to be seen of it before the last
 * request; what was sent is given up when it fails.
 */
export async function putInParts(connection: S3Connection, object: LargeObject): Promise<void> {
  const { sdk, access } = connection;
  const place = { Bucket: access.settings.bucket, Key: object.key };
  const writer = randomUUID();
  await connection.telling(async (client) => {
    const { UploadId } = await client.send(
      new sdk.CreateMultipartUploadCommand({
        ...place,
        Metadata: { writer },
        ...(access.settings.endpoint === undefined ? { ChecksumAlgorithm: "CRC32" } : {}),
        ...object.lock,
      }),
    );
    try {
      const sent = await sendAll(connection, { ...place, UploadId: UploadId! }, object);
      const whole = { ...place, UploadId, MultipartUpload: { Parts: sent } };
      await client.send(new sdk.CompleteMultipartUploadCommand(whole));
    } catch (error) {
      if (nameOf(error) === "NoSuchUpload" && (await isOurs(connection, place, writer))) return;
      await client.send(new sdk.AbortMultipartUploadCommand({ ...place, UploadId })).catch(() => {
        // The next start gives it up, or a lifecycle rule; the error is what is to be told.
      });
      throw error;
    }
  });
}

interface Upload {
  readonly Bucket: string;
  readonly Key: string;
  readonly UploadId: string;
}

interface SentPart {
  readonly PartNumber: number;
  readonly ETag: string | undefined;
  readonly ChecksumCRC32?: string;
}

async function sendAll(
  { sdk, access, client }: S3Connection,
  upload: Upload,
  { parts, partBytes }: LargeObject,
): Promise<SentPart[]> {
  const sent: SentPart[] = [];
  const left = numbered(piecesOf(parts, partBytes));
  const send = async (): Promise<void> => {
    for (const [PartNumber, Body] of left) {
      const sums = checksumOf(Body, access.settings);
      const asked = { ...upload, PartNumber, Body, ...sums };
      const { ETag } = await client.send(new sdk.UploadPartCommand(asked));
      const { ChecksumCRC32 } = sums;
      sent.push({ PartNumber, ETag, ...(ChecksumCRC32 === undefined ? {} : { ChecksumCRC32 }) });
    }
  };
  const senders = Array.from({ length: AT_ONCE }, send);
  const ended = await Promise.allSettled(senders);
  for (const end of ended) if (end.status === "rejected") throw end.reason;
  return sent.toSorted((a, b) => a.PartNumber - b.PartNumber);
}

/** The answer to the last request may have been lost: it was asked again, and there is no upload any more. */
async function isOurs(
  { sdk, client }: S3Connection,
  place: { readonly Bucket: string; readonly Key: string },
  writer: string,
): Promise<boolean> {
  const head = await client.send(new sdk.HeadObjectCommand(place)).catch(() => undefined);
  return head?.Metadata?.["writer"] === writer;
}

function* numbered(pieces: Iterable<Buffer>): Generator<[number, Buffer]> {
  let number = 1;
  for (const piece of pieces) yield [number++, piece];
}

/** Pieces of `bytes` each but the last, as they are asked for. */
function* piecesOf(parts: readonly Uint8Array[], bytes: number): Generator<Buffer> {
  let piece: Uint8Array[] = [];
  let filled = 0;
  for (const part of parts)
    for (let from = 0; from < part.length;) {
      const taken = part.subarray(from, from + bytes - filled);
      piece.push(taken);
      filled += taken.length;
      from += taken.length;
      if (filled < bytes) continue;
      yield wholeOf(piece);
      piece = [];
      filled = 0;
    }
  if (filled > 0) yield wholeOf(piece);
}

/** One buffer; not copied if it is one already. */
export function wholeOf(parts: readonly Uint8Array[]): Buffer {
  const [first] = parts;
  if (parts.length === 1 && first !== undefined)
    return Buffer.from(first.buffer, first.byteOffset, first.length);
  return Buffer.concat(parts);
}

/** Gives up every upload in parts whose key begins so. */
export async function abortUploads(connection: S3Connection, prefix: string): Promise<void> {
  const { sdk, access } = connection;
  const { bucket: Bucket } = access.settings;
  await connection.telling(async (client) => {
    let after: { readonly KeyMarker?: string; readonly UploadIdMarker?: string } | undefined = {};
    while (after !== undefined) {
      const page: ListMultipartUploadsCommandOutput = await client.send(
        new sdk.ListMultipartUploadsCommand({ Bucket, Prefix: prefix, ...after }),
      );
      for (const { Key, UploadId } of page.Uploads ?? [])
        if (Key?.startsWith(prefix) === true)
          await client.send(new sdk.AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
      const { NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = page;
      after =
        page.IsTruncated === true && KeyMarker !== undefined && UploadIdMarker !== undefined
          ? { KeyMarker, UploadIdMarker }
          : undefined;
    }
  });
}
