import { getFips, hash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { S3Settings } from "./s3-settings.ts";

/**
 * What lets the service refuse bytes that changed on their way. AWS keeps a CRC-32 with the object;
 * everybody knows Content-MD5, which is no proof of anything but that.
 */
export function checksumOf(
  body: Uint8Array,
  { endpoint }: S3Settings,
): { readonly ChecksumCRC32?: string; readonly ContentMD5?: string } {
  if (endpoint === undefined) {
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(body));
    return { ChecksumCRC32: sum.toString("base64") };
  }
  // In FIPS mode there is no MD5: what is read is compared with our own digests all the same.
  return getFips() === 1 ? {} : { ContentMD5: hash("md5", body, "base64") };
}
