import { resolvePeriod } from "../../domain/audit/period.ts";
import { EvidenceQuery, ReportQuery } from "../dto/report.query.ts";
import { fileName, MEDIA_TYPES, reportFile } from "../report/report-files.ts";
import type { ReportSource } from "../report/report-source.ts";
import { route, type DownloadAnswer, type Route } from "../route.ts";
import type { Services } from "../services.ts";
import type { Views } from "../views/views.ts";

const tag = "reports";
const SAMPLE = 25;

/** Reports for auditors. */
export const reportRoutes = (services: Services, views: Views): Route[] => [
  route<object, ReportQuery>({
    method: "get",
    path: "/v1/reports/changes",
    id: "reportChanges",
    access: "read",
    tag,
    summary: "Every change of a period with its evidence, and the proof that none is missing",
    description:
      "Population, completeness, exceptions, one sheet a change, control matrix, sample. The same " +
      "period gives the same bytes. HTML prints well; CSV has one line a change.",
    query: ReportQuery,
    responses: {
      200: {
        description: "The report",
        schema: "ChangeReport",
        types: ["text/html", "text/csv", "application/pdf"],
      },
    },
    handle: async ({ query, context }) => {
      const { format = "json" } = query;
      return making(services, async () => {
        const source = await sourceOf(services, views, query);
        const { from, to, first, last } = source.report.period;
        const type = MEDIA_TYPES[format];
        const media = type.split(";", 1)[0]!;
        const facts = { report: "changes", format: media, from, to, first, last } as const;
        const file = fileName("changes", source.report.period, format);
        return {
          type,
          headers: { "Content-Disposition": `inline; filename="${file}"` },
          chunks: services.issuer.issued(reportFile(source, format), facts, context),
        };
      });
    },
  }),
  route<object, EvidenceQuery>({
    method: "get",
    path: "/v1/reports/evidence",
    id: "reportEvidence",
    access: "read",
    tag,
    summary: "One archive that proves a report without this service",
    description:
      "A tar file with the report, a proof for each event it rests on, and the whole log: " +
      "`node verifier/verify.js bundle.tar --vkey KEY` checks it offline.",
    query: EvidenceQuery,
    responses: { 200: { description: "The bundle", types: ["application/x-tar"] } },
    handle: async ({ query, context }) =>
      making(services, async () => {
        const { evidenceBundle } = await import("../report/evidence-bundle.ts");
        const source = await sourceOf(services, views, query);
        return {
          type: "application/x-tar",
          headers: {
            "Content-Disposition": `attachment; filename="${fileName("evidence", source.report.period, "tar")}"`,
          },
          chunks: evidenceBundle(services, source, context),
        };
      }),
  }),
];

/** A place among those who make reports, until the answer is over or cannot be begun. */
async function making(
  { issuer }: Services,
  begin: () => Promise<Omit<DownloadAnswer, "release">>,
): Promise<DownloadAnswer> {
  issuer.enter();
  try {
    return { ...(await begin()), release: () => issuer.leave() };
  } catch (error) {
    issuer.leave();
    throw error;
  }
}

async function sourceOf(
  services: Services,
  { names }: Views,
  { from, to, sample = SAMPLE }: EvidenceQuery,
): Promise<ReportSource> {
  const period = await resolvePeriod(services.ledger, {
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  });
  const report = await services.reporter.report(period, Number(sample), services.texts.open);
  const { digest, ledger, schemas } = services;
  return { report, names, digest, script: (of) => ledger.content(of), schemas };
}
