import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { PdfDocument } from "./pdf-renderer.ts";

/** What is used of pdfmake. */
interface PdfMake {
  setFonts(fonts: { readonly [name: string]: { readonly [style: string]: string } }): void;
  setUrlAccessPolicy(allowed: (url: string) => boolean): void;
  setLocalAccessPolicy(allowed: (path: string) => boolean): void;
  createPdf(definition: object): { getBuffer(): Promise<Uint8Array> };
}

const load = createRequire(import.meta.url);
const pdfmake = load("pdfmake") as PdfMake;
const fonts = join(dirname(load.resolve("pdfmake/package.json")), "fonts", "Roboto");

// Nothing but the fonts is ever loaded, whatever a document says.
pdfmake.setUrlAccessPolicy(() => false);
pdfmake.setLocalAccessPolicy((path) => path.startsWith(fonts));
pdfmake.setFonts({
  Roboto: {
    normal: join(fonts, "Roboto-Regular.ttf"),
    bold: join(fonts, "Roboto-Medium.ttf"),
    italics: join(fonts, "Roboto-Italic.ttf"),
    bolditalics: join(fonts, "Roboto-MediumItalic.ttf"),
  },
});

const line = { fontSize: 7.5, color: "#555555" };

/** The bytes of a document. A long one takes seconds of computing. */
export function layOutPdf({ title, date, content }: PdfDocument): Promise<Uint8Array> {
  const made = new Date(date);
  return pdfmake
    .createPdf({
      // Fixed, so that the same report is the same file.
      info: {
        title,
        creationDate: made,
        modDate: made,
        producer: "Schemaledger",
        creator: "Schemaledger",
      },
      pageSize: "A4",
      pageMargins: [42, 46, 42, 46],
      defaultStyle: { font: "Roboto", fontSize: 8.5, lineHeight: 1.15 },
      styles: {
        level1: { fontSize: 15, bold: true, margin: [0, 14, 0, 5] },
        level2: { fontSize: 10.5, bold: true, margin: [0, 12, 0, 4] },
        caption: { bold: true, margin: [0, 6, 0, 2] },
        head: { bold: true },
        label: { color: "#555555" },
        pre: { fontSize: 7.5, margin: [0, 4, 0, 6] },
        code: { fontSize: 7.5 },
      },
      footer: (page: number, pages: number) => ({
        columns: [
          { text: title, width: "*", ...line },
          { text: `Page ${page} of ${pages}`, width: "auto", alignment: "right", ...line },
        ],
        margin: [42, 14, 42, 0],
      }),
      content,
    })
    .getBuffer();
}
