import assert from "node:assert/strict";
import { createServer, get, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { download } from "../../src/api/download.ts";

const MIB = "x".repeat(1 << 20);

describe("a download", () => {
  let server: Server;
  let made = 0;
  let released = 0;
  let ended: Promise<void>;
  let stopping: AbortController;

  /** Serves `count` MiB. */
  const serve = async (count: number, fail = false): Promise<string> => {
    [made, released] = [0, 0];
    stopping = new AbortController();
    async function* chunks(): AsyncGenerator<string> {
      for (; made < count; made += 1) yield MIB;
      if (fail) throw new Error("the disk is gone");
    }
    let end = (): void => {};
    ended = new Promise((resolve) => (end = resolve));
    server = createServer((request, response) => {
      const answer = {
        type: "text/plain",
        trailerNames: ["Event-Count"],
        trailers: () => ({ "Event-Count": String(made) }),
        chunks: chunks(),
        release: () => (released += 1),
      };
      const limits = { stopping: stopping.signal, stallMs: 200 };
      download(request, response, answer, limits)
        .catch(() => response.destroy())
        .finally(end);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  };
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  const ask = (url: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => get(url, resolve).on("error", reject));

  /** Bytes received, and whether the answer came to its end. */
  const take = async (answer: IncomingMessage): Promise<{ bytes: number; whole: boolean }> => {
    let bytes = 0;
    try {
      for await (const part of answer) bytes += (part as Buffer).length;
    } catch {
      return { bytes, whole: false };
    }
    return { bytes, whole: answer.complete };
  };

  it("ends with its trailers", async () => {
    const answer = await ask(await serve(3));
    assert.deepEqual(await take(answer), { bytes: 3 << 20, whole: true });
    assert.equal(answer.headers.trailer, "Event-Count");
    assert.equal(answer.trailers["event-count"], "3");
    await ended;
    assert.equal(released, 1);
  });

  it("is made no faster than it is taken, and dropped when nobody takes it", async () => {
    const answer = await ask(await serve(10_000));
    answer.pause();
    await ended;
    assert.ok(made < 100, `${made} MiB were made for a reader who stands still`);
    assert.equal(released, 1);
    const { whole } = await take(answer);
    assert.equal(whole, false);
  });

  it("is seen to be broken off when it fails, when the service stops, when the reader goes", async () => {
    const failed = await take(await ask(await serve(2, true)));
    assert.equal(failed.whole, false);
    await ended;
    await new Promise((resolve) => server.close(resolve));
    const stopped = await ask(await serve(10_000));
    stopping.abort();
    assert.equal((await take(stopped)).whole, false);
    await ended;
    await new Promise((resolve) => server.close(resolve));
    const left = await ask(await serve(10_000));
    left.destroy();
    await ended;
    assert.ok(made < 100);
    assert.equal(released, 1);
  });
});
