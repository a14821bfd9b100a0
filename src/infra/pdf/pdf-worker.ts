import { parentPort, workerData } from "node:worker_threads";
import { layOutPdf } from "./pdf-layout.ts";
import type { PdfDocument } from "./pdf-renderer.ts";

parentPort!.postMessage(await layOutPdf(workerData as PdfDocument));
