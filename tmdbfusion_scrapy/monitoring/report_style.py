"""Style sheet of the report: light and dark, for screens from 320 pixels on, and for paper."""

from __future__ import annotations

from tmdbfusion_scrapy.monitoring.charts import FONT_SIZE

STYLE = (
    """
:root {
  --page: #f6f6f3; --card: #ffffff; --text: #1d2227; --muted: #5b6470; --rule: #e2e2dc;
  --first: #0b6a94; --second: #b8500f; --third: #74489c; --limit: #8a929c; --good: #1b7a4a; --open: #9a5b00;
  --soft: #eef0ef;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #131618; --card: #1b1f23; --text: #e5e8ea; --muted: #9ba5af; --rule: #2e343a;
    --first: #5cb3da; --second: #ee9a5f; --third: #bb98e2; --limit: #7f8993; --good: #62c592; --open: #e3ad54;
    --soft: #262b30;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
main, footer { max-width: 66rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding: 2.5rem 0 1.5rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 0 0 .25rem; }
h3 { font-size: 1rem; line-height: 1.4; margin: 0; overflow-wrap: anywhere; }
p { margin: .35rem 0; overflow-wrap: anywhere; }
code {
  font: .86em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  overflow-wrap: anywhere;
}
header > p > code {
  display: inline-block; max-width: 100%; background: var(--soft); border-radius: 6px; padding: .15rem .5rem; }
.eyebrow { color: var(--muted); font-size: .85rem; letter-spacing: .04em; margin: 0; }
.source { font-size: 1.1rem; }
.note, figcaption, .detail, .name, dt { color: var(--muted); }
.note, figcaption { font-size: .92rem; }
.state {
  display: inline-block; border: 1px solid; border-radius: 99px; padding: .1rem .75rem;
  font-weight: 600; font-size: .92rem;
}
.good { color: var(--good); }
.open { color: var(--open); }
dl { display: flex; flex-wrap: wrap; gap: .5rem 2rem; margin: 1rem 0 0; }
dt { font-size: .85rem; }
dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
ul { list-style: none; margin: 0; padding: 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .75rem; }
.tiles li, section { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; }
.tiles li { padding: .75rem 1rem; display: flex; flex-direction: column; }
.tiles strong { font-size: 1.45rem; line-height: 1.3; font-weight: 650; font-variant-numeric: tabular-nums; }
.name, .detail { font-size: .85rem; }
section { margin: 1.25rem 0; padding: 1.25rem 1.5rem 1.5rem; }
section > * + h3, section > div, article { margin-top: 1.25rem; }
section > .wide-table { margin-top: .75rem; }
figure { margin: 1.75rem 0 0; min-width: 0; container-type: inline-size; }
.charts, .pair { display: grid; grid-template-columns: minmax(0, 1fr); column-gap: 2.25rem; }
.pair { row-gap: 1.5rem; }
figcaption { margin-top: .25rem; }
.legend {
  display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; font-size: .88rem;
  color: var(--muted); margin: .1rem 0 .3rem;
}
.legend li { display: flex; align-items: center; gap: .4rem; }
.swatch { width: 1.4rem; height: 0; border-top: 2.5px solid var(--first); }
.swatch.second { border-top-color: var(--second); }
.swatch.third { border-top: 2.5px dotted var(--third); }
.swatch.limit { border-top: 2px dashed var(--limit); }
.swatch.marks { width: .6rem; height: .6rem; border: 0; border-radius: 50%; background: var(--second); }
.chart { display: block; width: 100%; height: auto; font-family: inherit; }
.chart.narrow { display: none; }
@container (max-width: 34rem) {
  .chart.wide { display: none; }
  .chart.narrow { display: block; }
}
@media (min-width: 52rem), print {
  .charts, .pair { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .pair .bars td:last-child { width: 30%; }
  .charts figure:first-child { grid-column: 1 / -1; }
}
.chart .background { fill: none; }
.chart text { fill: var(--muted); font-size: """
    f"{FONT_SIZE}px"
    """; }
.chart .axis text { text-anchor: middle; }
.chart .axis.y text { text-anchor: end; }
.chart .axis path { stroke: var(--rule); fill: none; }
.chart .axis.x path { stroke: none; }
.chart .series path { fill: none; stroke: currentColor; stroke-width: 1.75; stroke-linejoin: round; }
.chart .area path { fill: currentColor; fill-opacity: .13; stroke: none; }
.chart .series rect { fill: currentColor; }
.chart .series circle { fill: currentColor; stroke: var(--card); }
.first { color: var(--first); }
.second { color: var(--second); }
.third { color: var(--third); }
.limit { color: var(--limit); }
.marks { color: var(--second); }
.chart .third path { stroke-dasharray: 2 3; }
.chart .limit path { stroke-dasharray: 6 4; stroke-width: 1.4; }
details { margin-top: .4rem; font-size: .9rem; }
summary { cursor: pointer; color: var(--muted); width: fit-content; }
summary:hover { color: var(--text); }
:focus-visible { outline: 2px solid var(--first); outline-offset: 2px; }
.wide-table { overflow-x: auto; position: relative; }
dl > div, .pair > *, .tiles li { min-width: 0; max-width: 100%; }
details .wide-table { max-height: 22rem; overflow-y: auto; margin-top: .4rem; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th, td {
  text-align: left; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--rule); vertical-align: top;
}
th { color: var(--muted); font-weight: 500; font-size: .85rem; white-space: nowrap; }
td { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.number, .series td { white-space: nowrap; }
.bars td:nth-child(2), .bars td:nth-child(3) { white-space: nowrap; }
.bars th:nth-child(2), .bars th:nth-child(3),
.bars td:nth-child(2), .bars td:nth-child(3) {
  text-align: right; width: 1%;
}
.bars td:last-child { width: 45%; vertical-align: middle; padding-right: 0; }
.track { display: block; background: var(--soft); border-radius: 4px; overflow: hidden; }
.bar { display: block; height: .6rem; min-width: 1px; background: currentColor; }
.examples { font-size: .92rem; margin-top: .3rem; }
.examples li { padding: .25rem 0; border-bottom: 1px solid var(--rule); overflow-wrap: anywhere; }
footer { padding-top: .5rem; padding-bottom: 2.5rem; color: var(--muted); font-size: .85rem; }
@media (max-width: 40rem) {
  main, footer { padding: 0 .75rem; }
  header { padding: 1.5rem .25rem 1.25rem; }
  section { padding: 1rem; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .5rem; }
  .tiles li { padding: .6rem .8rem; }
  .bars td:last-child { width: 22%; }
}
@media print {
  body { background: none; font-size: 11pt; }
  main, footer { max-width: none; padding: 0; }
  section, .tiles li { border-color: #cccccc; break-inside: auto; }
  figure, article, tr, .tiles li { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  details { display: none; }
  .bar, .track, .swatch, .state { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
"""
)
