import type { ReportFormat } from "../dto/report.query.ts";
import { reportHtml } from "./report-html.ts";
import { reportJson } from "./report-json.ts";
import { reportSections } from "./report-sections.ts";
import type { ReportSource } from "./report-source.ts";

/** Media types of the formats. */
export const MEDIA_TYPES: { readonly [F in ReportFormat]: string } = {
  json: "application/json; charset=utf-8",
  html: "text/html; charset=utf-8",
  csv: "text/csv; charset=utf-8",
  pdf: "application/pdf",
};

/** Changes up to which a PDF has a sheet for each. */
const SHEETS_IN_PDF = 100;

/** The report in one of its formats, bit by bit: the same bytes whenever it is made again. */
export async function* reportFile(
  source: ReportSource,
  format: ReportFormat,
): AsyncGenerator<string | Uint8Array> {
  switch (format) {
    case "json":
      return yield* reportJson(source);
    case "html":
      return yield* reportHtml(titleOf(source), reportSections(source, "all"));
    case "csv": {
      const { reportCsv } = await import("./report-csv.ts");
      return yield* reportCsv(source.report, source.names);
    }
    case "pdf":
      return yield await reportPdf(source);
  }
}

/** Loaded when needed: laying out pages takes a library that nothing else does. */
async function reportPdf(source: ReportSource): Promise<Uint8Array> {
  const { pdfContent } = await import("./report-pdf.ts");
  const { renderPdf } = await import("../../infra/pdf/pdf-renderer.ts");
  const { changes, period } = source.report;
  const sections = reportSections(source, changes.length > SHEETS_IN_PDF ? "chosen" : "all");
  const content = await pdfContent(sections);
  return renderPdf({ title: titleOf(source), date: period.to, content });
}

const titleOf = ({ report: { origin, period } }: ReportSource): string =>
  `Changes of databases, ${origin}, ${period.from.slice(0, 10)} to ${period.to.slice(0, 10)}`;

/** `changes-2026-01-01-2026-01-31.html` */
export const fileName = (
  what: string,
  { from, to }: { readonly from: string; readonly to: string },
  extension: string,
): string => `${what}-${from.slice(0, 10)}-${to.slice(0, 10)}.${extension}`;
