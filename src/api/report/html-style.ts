/** Black on white, for paper as for screens. */
export const STYLE = `
:root { font: 10.5pt/1.45 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; color: #1b1b1b; }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.45rem; margin: 2.4rem 0 .6rem; border-bottom: 2px solid #1b1b1b; padding-bottom: .2rem; }
section:first-of-type h1 { font-size: 2rem; margin-top: 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; overflow-wrap: anywhere; }
p { max-width: 48rem; }
dl { display: grid; grid-template-columns: minmax(11rem, max-content) 1fr; gap: .15rem 1.2rem; margin: .6rem 0; }
dt { color: #555; }
dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; margin: .9rem 0 1.2rem; font-size: .9em; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { text-align: left; vertical-align: top; padding: .28rem .7rem .28rem 0; border-bottom: 1px solid #d5d5d5; overflow-wrap: anywhere; }
th { border-bottom: 1px solid #1b1b1b; white-space: nowrap; }
.word { white-space: nowrap; }
td.code { font: .85em/1.4 ui-monospace, "DejaVu Sans Mono", monospace; white-space: pre-wrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { font: .85em/1.4 ui-monospace, "DejaVu Sans Mono", monospace; white-space: pre-wrap; overflow-wrap: anywhere; background: #f5f5f5; padding: .7rem .9rem; }
a { color: inherit; }
@media print {
  @page { margin: 16mm 14mm; }
  body { max-width: none; margin: 0; padding: 0; }
  thead { display: table-header-group; }
  tr, dl, h1, h2 { break-inside: avoid; }
  h1, h2, caption { break-after: avoid; }
  section.level2 { break-before: auto; }
}
`;
