import { Worker } from "node:worker_threads";

/** What becomes a PDF: pdfmake's content, without functions. */
export interface PdfDocument {
  readonly title: string;
  /** RFC 3339; the file's creation date. */
  readonly date: string;
  readonly content: readonly object[];
}

/**
 * Lays out a document beside the event loop: a long one takes seconds of computing. Where threads are
 * not permitted others wait for it.
 */
export async function renderPdf(document: PdfDocument): Promise<Uint8Array> {
  if (process.permission?.has("worker") !== false) return renderBeside(document);
  const { layOutPdf } = await import("./pdf-layout.ts");
  return layOutPdf(document);
}

function renderBeside(document: PdfDocument): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./pdf-worker.js", import.meta.url), {
      workerData: document,
    });
    worker.once("message", (bytes: Uint8Array) => {
      resolve(bytes);
      void worker.terminate();
    });
    worker.once("error", reject);
    worker.once("exit", (code) => {
      // After a message this changes nothing any more.
      reject(new Error(`The PDF could not be laid out (exit ${code})`));
    });
  });
}
