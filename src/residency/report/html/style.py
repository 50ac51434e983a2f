"""The page's one style sheet: light and dark, wide and narrow, screen and paper. System fonts, nothing fetched."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fff; --ground: #f6f6f3; --ink: #16191d; --muted: #5a646e; --line: #dcdfe2; --focus: #0b57d0;
  --consistent: #0a6b4f; --violated: #b3261e; --inconclusive: #875800; --adverse: #8f2a6b;
  --sea: #eef2f5; --land: #d3d9de; --area: #a9cdbb; --forbidden: #efb9b3; --coast: #fff;
  --serif: ui-serif, "Iowan Old Style", "Palatino Linotype", Palatino, Georgia, serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15181b; --ground: #1c2024; --ink: #e8eaec; --muted: #a0a9b2; --line: #343a40; --focus: #8ab4f8;
    --consistent: #5cc49f; --violated: #ff8a7d; --inconclusive: #e3b34d; --adverse: #e58ac0;
    --sea: #1a1f24; --land: #353c43; --area: #2f5f4b; --forbidden: #6e3a35; --coast: #15181b;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; max-width: 74rem; padding: 0 clamp(1rem, 4vw, 3rem) 4rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  overflow-wrap: anywhere;
}
h1, h2, h3, h4, p, blockquote, dl, dd, ul, ol, figure { margin: 0; }
h1, h2, h3 { line-height: 1.2; letter-spacing: -.015em; font-weight: 650; }
h2 { font-size: 1.6rem; margin: 0 0 1.25rem; }
h3 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; }
h4 { font-size: .95rem; margin: 0 0 .5rem; font-weight: 650; }
a { color: inherit; text-decoration-color: var(--muted); text-underline-offset: .15em;
  text-decoration-thickness: 1px; }
a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; border-radius: 2px; }
code { font: .88em ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
small { color: var(--muted); font-size: .85rem; font-weight: 400; letter-spacing: 0; }
blockquote { font-family: var(--serif); font-size: 1.15rem; line-height: 1.45; }
blockquote::before { content: "\\201C"; } blockquote::after { content: "\\201D"; }
ul, ol { padding-left: 1.2em; }
dt { color: var(--muted); }
.defs { position: absolute; width: 0; height: 0; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: .5rem; background: var(--paper); padding: .5rem 1rem; z-index: 1; }

.icon { width: .95em; height: .95em; flex: none; vertical-align: -.1em; fill: currentColor; }
.icon .cut, symbol .cut { fill: none; stroke: var(--paper); stroke-width: 2; stroke-linecap: round; }
symbol .ring { fill: none; stroke: currentColor; stroke-width: 2; }
.violated > .word, .icon.violated, .icon.outside, .o.violating { color: var(--violated); }
.consistent > .word, .icon.consistent, .icon.inside, .o.inside { color: var(--consistent); }
.inconclusive > .word, .icon.inconclusive, .icon.unknown, .o.doubtful, .o.unknown { color: var(--inconclusive); }
.o.adverse { color: var(--adverse); }
.o { font-weight: 600; }

.lead { padding: 2.25rem 0 0; }
.mast { color: var(--muted); font-size: .95rem; }
.mast strong { color: var(--ink); letter-spacing: -.01em; }
h1 { font-size: clamp(1.8rem, 4vw, 2.75rem); margin: .9rem 0 .35rem; display: flex; gap: .35em;
  align-items: baseline; letter-spacing: -.025em; }
h1 .icon { width: .8em; height: .8em; align-self: center; }
h1 span::first-letter { text-transform: uppercase; }
.others { font-size: 1.15rem; margin-bottom: .6rem; }
.facts { color: var(--muted); max-width: 62rem; }
.cards { margin-top: 1.75rem; border-top: 1px solid var(--line); }
.card { display: grid; grid-template-columns: 11.5rem minmax(0, 1fr); gap: 0 2rem; padding: 1.5rem 0 1.6rem;
  border-bottom: 1px solid var(--line); }
.card .verdict { color: var(--muted); font-size: .95rem; }
.card .word { font-size: 1.35rem; font-weight: 650; letter-spacing: -.015em; display: flex; gap: .4em;
  align-items: center; line-height: 1.2; margin-bottom: .3rem; }
.card .word::first-letter { text-transform: uppercase; }
.card.violated .word { color: var(--violated); }
.card.consistent .word { color: var(--consistent); }
.card.inconclusive .word { color: var(--inconclusive); }
.card h2 { font: .88rem/1.6 ui-monospace, "SF Mono", Menlo, Consolas, monospace; letter-spacing: 0;
  margin: 0 0 .15rem; color: var(--muted); }
.card .why { margin: .6rem 0 .8rem; max-width: 58rem; font-size: 1.05rem; }
.card dl > div { display: grid; grid-template-columns: 8rem minmax(0, 1fr); gap: 0 1rem; font-size: .92rem;
  padding: .1rem 0; max-width: 58rem; }
.unseen { padding: 1.25rem 0 0; color: var(--muted); }
.unseen h2 { font-size: 1rem; margin-bottom: .4rem; letter-spacing: 0; }
.unseen ul { font-size: .92rem; columns: 2 24rem; column-gap: 2.5rem; }
.unseen li { break-inside: avoid; margin-bottom: .25rem; }

nav { display: flex; flex-wrap: wrap; gap: .4rem 1.75rem; padding: .9rem 0; margin-top: 1rem;
  border-bottom: 1px solid var(--line); font-weight: 550; position: sticky; top: 0; background: var(--paper);
  z-index: 1; }
nav a { text-decoration: none; } nav a:hover { text-decoration: underline; }
main > section { padding-top: 3.25rem; scroll-margin-top: 2rem; }
[id] { scroll-margin-top: 4rem; }

.claim { padding: 0 0 3rem; margin-bottom: 3rem; border-bottom: 1px solid var(--line); }
.claim:last-child { border: 0; margin: 0; padding: 0; }
.claim > * + * { margin-top: 1.25rem; }
.claim h3 { display: flex; flex-wrap: wrap; gap: .2em .5em; align-items: baseline; margin: 0 0 .75rem;
  font-size: 1.35rem; }
.claim h3 .icon { align-self: center; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr));
  gap: 1.75rem 3rem; }
.columns dl > div { display: grid; grid-template-columns: 8.5rem minmax(0, 1fr); gap: 0 1rem; padding: .3rem 0;
  border-top: 1px solid var(--line); font-size: .95rem; }
.reasons { list-style: none; padding: 0; } .reasons li { margin-bottom: .35rem; }
.reasons + p { margin: .6rem 0 1.25rem; color: var(--muted); }
.reasons a, .rules dt { font: .88em ui-monospace, Menlo, Consolas, monospace; color: var(--muted); }
.bars dd { display: grid; grid-template-columns: minmax(0, 1fr) 5.5rem; gap: .8rem; align-items: center;
  font-variant-numeric: tabular-nums; }
.bars dd span { text-align: right; }
.bar { width: 100%; height: .55rem; display: block; }
.trough { fill: var(--line); opacity: .6; } .fill { fill: var(--muted); } .asked { fill: var(--ink); }
.beside { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr));
  gap: 1.5rem 3rem; font-size: .95rem; }
.beside li { margin-bottom: .3rem; }

.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .93rem; }
caption { text-align: left; color: var(--muted); font-size: .9rem; padding: 0 0 .5rem; }
th, td { text-align: left; vertical-align: top; padding: .45rem 1.1rem .45rem 0;
  border-top: 1px solid var(--line); font-weight: 400; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--muted); border-top: 0; vertical-align: bottom; white-space: nowrap; }
th b, td.o, td > code { white-space: nowrap; }
.n, #findings-table td:nth-child(n + 5):nth-child(-n + 7) {
  text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th:has(> span.n) { text-align: right; }

.map svg[role=img] { width: 100%; height: auto; display: block; background: var(--paper); }
.sea { fill: var(--sea); }
.land { fill: var(--land); } .area { fill: var(--area); } .forbidden { fill: var(--forbidden); }
.partly { fill-opacity: .45; }
.land, .area, .forbidden { stroke: var(--coast); stroke-width: .7; }
.excluded { fill: url(#hatch); } #hatch path { stroke: var(--muted); stroke-width: 1; fill: none; }
.bound { fill: none; stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 5 5; opacity: .65; }
.mark .shape > * { stroke: var(--paper); stroke-width: 2; }
.mark.inside { fill: var(--consistent); } .mark.outside { fill: var(--violated); }
.mark.unknown .shape > path { fill: var(--paper); stroke: var(--inconclusive); stroke-width: 4; }
.mark.possible .shape > * { fill-opacity: .25; stroke-dasharray: 4 4; stroke: currentColor; }
.mark.possible.inside { color: var(--consistent); } .mark.possible.outside { color: var(--violated); }
.mark.possible.unknown { color: var(--inconclusive); }
.mark.vantage .shape > path { stroke: var(--ink); stroke-width: 4; fill: none; }
.labels { font: 600 24px system-ui, sans-serif; fill: var(--ink); paint-order: stroke; stroke: var(--paper);
  stroke-width: 5px; stroke-linejoin: round; }
figcaption { display: flex; flex-wrap: wrap; gap: .3rem 1.5rem; padding: .75rem 0; font-size: .92rem;
  color: var(--muted); }
figcaption span { display: inline-flex; gap: .45em; align-items: baseline; }
figcaption .icon { align-self: center; }
.swatch { width: 1.5em; height: .9em; align-self: center; flex: none; border: 1px solid var(--line); }
.swatch.area { background: var(--area); } .swatch.forbidden { background: var(--forbidden); }
.swatch.excluded { background: repeating-linear-gradient(-45deg, transparent 0 3px, var(--muted) 3px 4px); }
details > summary { cursor: pointer; width: fit-content; max-width: 100%; color: var(--muted); }
details[open] > summary { margin-bottom: .5rem; }

.timeline { table-layout: fixed; }
.timeline th:nth-child(1) { width: 32%; } .timeline th:nth-child(2), .timeline td:nth-child(2) { width: 18%; }
.timeline td { vertical-align: middle; } .timeline tbody th { vertical-align: middle; }
.timeline svg { width: 100%; height: .9rem; display: block; }
.axis { font-variant-numeric: tabular-nums; } .axis span:last-child { float: right; }
.lane.period { fill: var(--muted); opacity: .55; } .lane { fill: var(--muted); }
.lane.violating { fill: var(--violated); } .lane.inside { fill: var(--consistent); }
.lane.adverse { fill: var(--adverse); }
.lane.doubtful, .lane.unknown { fill: var(--inconclusive); }

#filter { display: flex; flex-wrap: wrap; gap: .75rem 1.25rem; align-items: end; margin-bottom: 1rem; }
#filter[hidden] { display: none; }
#filter label span { display: block; font-size: .85rem; color: var(--muted); }
#filter input, #filter select { font: inherit; color: inherit; background: var(--paper);
  border: 1px solid var(--muted); border-radius: 4px; padding: .35rem .6rem; min-width: 0; max-width: 100%; }
#filter output { color: var(--muted); padding-bottom: .35rem; }
.capped { border-left: 3px solid var(--inconclusive); padding-left: 1rem; margin-bottom: 1.25rem; }
#findings-table { min-width: 56rem; }
#findings-table th button { font: inherit; color: inherit; background: none; border: 0; padding: 0;
  cursor: pointer; }
#findings-table th button::after { content: " \\2195"; opacity: .45; }
#findings-table th[aria-sort=ascending] button::after { content: " \\2191"; opacity: 1; }
#findings-table th[aria-sort=descending] button::after { content: " \\2193"; opacity: 1; }
#findings-table small { display: block; }
#findings-table i { display: inline-block; width: .75em; height: .75em; margin-right: .45em; }
i.outside { background: var(--violated); clip-path: polygon(50% 0, 100% 50%, 50% 100%, 0 50%); }
i.inside { background: var(--consistent); border-radius: 50%; }
i.unknown { border: 2px solid var(--inconclusive); }
#findings-table tbody th { font-weight: 600; }
#findings-table tbody[hidden] { display: none; }
.chain td { border: 0; padding: 0 0 .6rem; }
.chain ol { padding: .75rem 0 .75rem 1.5em; max-width: 60rem; }
.chain li { padding-left: .35rem; margin-bottom: .6rem; white-space: pre-line; }
.chain li b { display: block; font-weight: 650; }
.chain details[open] { background: var(--ground); padding: .75rem 1rem; border-radius: 4px; }
tbody:target .chain td { background: var(--ground); }

.untested > div { display: grid; grid-template-columns: 15rem minmax(0, 1fr); gap: 0 2rem; padding: .6rem 0;
  border-top: 1px solid var(--line); }
.untested dd { grid-column: 2; }
.warnings { border-left: 3px solid var(--inconclusive); padding-left: 1.25rem; } .warnings h3 { margin-top: 0; }
.credits { list-style: none; padding: .75rem 0 0; color: var(--muted); font-size: .92rem; }
.rules > div { display: grid; grid-template-columns: 4rem minmax(0, 1fr); padding: .2rem 0; font-size: .95rem; }
:target { background: var(--ground); }
section:target, tbody:target { background: none; }
footer { margin-top: 4rem; padding-top: 1.25rem; border-top: 1px solid var(--line); color: var(--muted);
  font-size: .9rem; }

@media (max-width: 44rem) {
  .card, .card dl > div, .untested > div { grid-template-columns: minmax(0, 1fr); }
  .untested dd { grid-column: 1; }
  .card .word { margin-bottom: 0; } .card .verdict { margin-bottom: .6rem; }
  .card dl > div { padding: .25rem 0; }
  .columns dl > div { grid-template-columns: 7rem minmax(0, 1fr); }
  .labels { display: none; }
  .mark .shape { transform: scale(2.2); transform-box: fill-box; transform-origin: center; }
  nav { position: static; gap: .4rem 1.25rem; }
  .timeline caption { display: block; }
  .timeline, .timeline thead, .timeline tbody, .timeline tr, .timeline th, .timeline td { display: block;
    width: auto !important; }
  .timeline thead th:not(.axis) { display: none; }
  .timeline td { border: 0; padding: 0 0 .4rem; } .timeline tbody th { padding-bottom: 0; }
  #findings-table, #findings-table thead, #findings-table tbody, #findings-table .chain,
    .chain td { display: block; min-width: 0; }
  #findings-table tbody[hidden] { display: none; }
  #findings-table tr:not(.chain) { display: grid; grid-template-columns: 6.5rem minmax(0, 1fr);
    border-top: 1px solid var(--line); padding: .45rem 0; }
  #findings-table thead tr:not(.chain) { display: flex; flex-wrap: wrap; gap: .3rem 1rem; border: 0; }
  #findings-table tr:not(.chain) > * { border: 0; padding: 0; text-align: left; }
  #findings-table td:nth-child(n + 3) { grid-column: 2; }
  #findings-table td:nth-child(4), #findings-table td:nth-child(7),
    #findings-table td:nth-child(8) { display: none; }
  #findings-table td:nth-child(5)::after { content: " flows"; }
  #findings-table td:nth-child(6)::after { content: " sent"; }
  .chain ol { padding-left: 1.2em; }
}
@media print {
  :root { --paper: #fff; --ground: #fff; --ink: #000; --muted: #444; --line: #bbb; --consistent: #0a6b4f;
    --violated: #b3261e; --inconclusive: #875800; --adverse: #8f2a6b; --sea: #f3f5f7; --land: #d3d9de;
    --area: #a9cdbb; --forbidden: #efb9b3; --coast: #fff; }
  @page { margin: 16mm 14mm; }
  html { font-size: 9pt; }
  body { max-width: none; padding: 0; }
  nav, .skip, #filter { display: none; }
  main > section { padding-top: 1.5rem; }
  .scroll { overflow: visible; }
  h2, h3, h4, caption { break-after: avoid; }
  .card, figure, tr, li, .warnings { break-inside: avoid; }
  .claim { padding-bottom: 1.5rem; margin-bottom: 1.5rem; }
  #findings-table { min-width: 0; font-size: .85rem; }
  #findings-table th button::after { content: none; }
  details.print::details-content { content-visibility: visible; block-size: auto; }
  details.print > summary { list-style: none; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
"""
