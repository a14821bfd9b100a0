import type { Fact, Section, Table } from "./section.ts";

/** Rows of one table that are laid out; the others are counted, and are in the other formats. */
const MOST_ROWS = 1000;

/** The report as pdfmake's content. */
export async function pdfContent(sections: AsyncIterable<Section>): Promise<object[]> {
  const content: object[] = [];
  for await (const section of sections) content.push(...contentOf(section));
  return content;
}

function contentOf({ level, title, note, facts, tables, text }: Section): object[] {
  return [
    { text: title, style: `level${level}`, headlineLevel: level },
    ...(note === undefined ? [] : [{ text: note, margin: [0, 0, 0, 4] }]),
    ...(facts === undefined || facts.length === 0 ? [] : [factsOf(facts)]),
    ...(tables ?? []).flatMap(tableOf),
    ...(text === undefined ? [] : [{ text, style: "pre", preserveLeadingSpaces: true }]),
  ];
}

const factsOf = (facts: readonly Fact[]): object => ({
  layout: { defaultBorder: false },
  table: {
    widths: [120, "*"],
    body: facts.map(([label, value]) => [{ text: label, style: "label" }, breakable(value)]),
  },
});

function tableOf({ title, columns, rows }: Table): object[] {
  if (rows.length === 0) return [];
  const total = columns.reduce((sum, { share = 1 }) => sum + share, 0);
  const alignment = (at: number) => (columns[at]!.number === true ? { alignment: "right" } : {});
  const code = (at: number) =>
    columns[at]!.code === true ? { style: "code", preserveLeadingSpaces: true } : {};
  const left = rows.length - MOST_ROWS;
  return [
    ...(title === undefined ? [] : [{ text: title, style: "caption", headlineLevel: 3 }]),
    {
      layout: "lightHorizontalLines",
      margin: [0, 2, 0, 6],
      table: {
        headerRows: 1,
        keepWithHeaderRows: 1,
        dontBreakRows: true,
        widths: columns.map(({ share = 1 }) => `${Math.floor((share / total) * 100)}%`),
        body: [
          columns.map((column, at) => ({ text: column.title, style: "head", ...alignment(at) })),
          ...rows
            .slice(0, MOST_ROWS)
            .map((row) =>
              row.map((cell, at) => ({ text: breakable(cell), ...alignment(at), ...code(at) })),
            ),
        ],
      },
    },
    ...(left > 0 ? [{ text: `… and ${left} more rows: the other formats have them all.` }] : []),
  ];
}

/** Ids and digests have no place to break a line: every 20 characters get one that has no width. */
const breakable = (text: string): string =>
  text.replaceAll(/[^\s-]{20}(?=[^\s-])/g, (run) => `${run}\u200b`);
