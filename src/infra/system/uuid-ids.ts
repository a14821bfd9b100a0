import { randomBytes } from "node:crypto";
import { v7 } from "uuid";
import type { Ids } from "../../domain/shared/ids.ts";

/** UUIDv7 (RFC 9562) and the operating system's random bytes. */
export class UuidIds implements Ids {
  uuid(): string {
    return v7();
  }

  random(count: number): Uint8Array {
    return randomBytes(count);
  }
}
