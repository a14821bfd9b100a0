import type { Column, Section, Table } from "./section.ts";
import { STYLE } from "./html-style.ts";

/** The report as one page that loads nothing and prints well. */
export async function* reportHtml(
  title: string,
  sections: AsyncIterable<Section>,
): AsyncGenerator<string> {
  yield `<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>${escape(title)}</title>\n<style>${STYLE}</style>\n</head>\n<body>\n`;
  for await (const section of sections) yield sectionHtml(section);
  yield "</body>\n</html>\n";
}

function sectionHtml({ id, level, title, note, facts, tables, text }: Section): string {
  const parts = [
    `<section class="level${level}" id="${escape(id)}">\n<h${level}>${escape(title)}</h${level}>\n`,
  ];
  if (note !== undefined) parts.push(`<p>${escape(note)}</p>\n`);
  if (facts !== undefined && facts.length > 0) {
    const rows = facts.map(
      ([label, value]) => `<dt>${escape(label)}</dt><dd>${linked(value)}</dd>\n`,
    );
    parts.push(`<dl>\n${rows.join("")}</dl>\n`);
  }
  for (const table of tables ?? []) parts.push(tableHtml(table));
  if (text !== undefined) parts.push(`<pre>${escape(text)}</pre>\n`);
  parts.push("</section>\n");
  return parts.join("");
}

export function tableHtml({ title, columns, rows }: Table): string {
  if (rows.length === 0) return "";
  const caption = title === undefined ? "" : `<caption>${escape(title)}</caption>`;
  const head = columns
    .map((column) => `<th${sideOf(column)}>${escape(column.title)}</th>`)
    .join("");
  const body = rows
    .map((row) => {
      const cells = row.map((cell, at) => `<td${sideOf(columns[at]!)}>${linked(cell)}</td>`);
      return `<tr>${cells.join("")}</tr>\n`;
    })
    .join("");
  return `<table>${caption}\n<thead><tr>${head}</tr></thead>\n<tbody>\n${body}</tbody></table>\n`;
}

const sideOf = ({ number = false, code = false }: Column): string =>
  number ? ' class="number"' : code ? ' class="code"' : "";

const RUN = /\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b/;

/** Long texts break anywhere, so that tables fit the page; the status of a run should not. */
const WORD = /^[a-z]{1,12}$/;

/** A cell that is a run's id leads to its sheet. */
function linked(text: string): string {
  if (RUN.test(text) && text.length === 36) return `<a href="#run-${text}">${text}</a>`;
  return WORD.test(text) ? `<span class="word">${text}</span>` : escape(text);
}

/** For texts and attributes in double quotes. */
export const escape = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
