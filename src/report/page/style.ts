/**
 * The style of every page: `report --format html`, `diff --format html`, `view`. Its rules:
 *
 *   type      four sizes: 1.5 rem for the one title, 1.125 for a heading and a figure, 0.875 for all text, 0.75 for what is beside it
 *             (heads of tables, axes, notes). Weight 600 says "read this first". Numbers are tabular and at the right; what comes
 *             from the traffic is monospaced
 *   spacing   steps of 0.25 rem: 0.25 within a line, 0.5 between lines, 1 between blocks, 2 between sections
 *   colour    ink, dim and line carry the page. Colour means something: blue is amount, amber to crimson is trouble, violet is a
 *             marker. Scales fall in lightness, and trouble has a foot, a bar or weight beside its colour. Zero is dim
 *   contrast  text has 4.5:1 or more on its ground, in the light and in the dark
 *   lines     no boxes: a thin line under a head and between rows, space for the rest
 *
 * In TypeScript because the compiler copies no CSS. The same colours are presentation attributes in `colours.ts`.
 */
export const STYLE = `
:root {
  color-scheme: light dark;
  --back: #ffffff;
  --raised: #f3f5f7;
  --ink: #16202c;
  --dim: #5b6672;
  --line: #dde2e7;
  --rate: #1f5fa8;
  --bar: #6f9fce;
  --bad: #a8123e;
  --marker: #6b3fa0;
  --band: #fdecd9;
  --t0: #9db2c9;
  --t1: #aaa382;
  --t2: #e98a1f;
  --t3: #d9541e;
  --t4: #a8123e;
  --gap: #eceef1;
  --hatch: #b4bbc4;
  --base: #c3cad2;
  --p50: #16202c;
  --p99: #b4400a;
  --halo: #ffffff;
  --h1: #deebf7;
  --h2: #c1d9ed;
  --h3: #9ac4df;
  --h4: #6aabd2;
  --h5: #4190c3;
  --h6: #2171b5;
  --h7: #0d519c;
  --h8: #08306b;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --back: #12161b;
    --raised: #1c222a;
    --ink: #e6eaef;
    --dim: #98a3b0;
    --line: #2c343d;
    --rate: #7db4ee;
    --bar: #3f74ab;
    --bad: #ff8095;
    --marker: #c3a4f0;
    --band: #35291b;
    --t0: #52697f;
    --t1: #7b7860;
    --t2: #e08a2a;
    --t3: #f4713c;
    --t4: #ff7d93;
    --gap: #1f252d;
    --hatch: #48525e;
    --base: #3d4752;
    --p50: #ffffff;
    --p99: #ffb37a;
    --halo: #0b0e12;
    --h1: #14273d;
    --h2: #173a5e;
    --h3: #1c5183;
    --h4: #2869a7;
    --h5: #3e85c6;
    --h6: #66a5df;
    --h7: #9dc9f0;
    --h8: #ddeefc;
  }
}
* {
  box-sizing: border-box;
}
html {
  background: var(--back);
  scroll-behavior: smooth;
}
body {
  margin: 0;
  color: var(--ink);
  font: 0.875rem/1.5 system-ui, sans-serif;
  font-variant-numeric: tabular-nums;
}
main {
  display: grid;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr));
  grid-auto-flow: dense;
  gap: 2rem 3rem;
  margin: 0 auto;
  padding: 1.5rem clamp(1rem, 2.5vw, 3rem) 4rem;
  max-width: 110rem;
}
main > section {
  grid-column: 1 / -1;
  min-width: 0;
}
main > section.narrow {
  grid-column: auto;
}
h1,
h2 {
  margin: 0;
  line-height: 1.25;
  text-wrap: balance;
  overflow-wrap: anywhere;
}
h1 {
  font-size: 1.5rem;
  font-weight: 600;
}
h2 {
  margin-bottom: 0.5rem;
  font-size: 1.125rem;
  font-weight: 600;
}
p,
ul,
ol,
dl,
dd {
  margin: 0;
  padding: 0;
}
.brand,
.note,
.zero,
.dim,
figcaption {
  color: var(--dim);
}
.brand,
.note {
  font-size: 0.75rem;
}
.note {
  margin-bottom: 0.5rem;
  max-width: 100rem;
}
.sure {
  font-weight: 600;
}
.unseen {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
}
abbr {
  text-decoration: none;
}
.bad,
td.trouble {
  color: var(--bad);
  font-weight: 600;
}
code,
pre {
  font: 0.95em/1.5 ui-monospace, 'DejaVu Sans Mono', monospace;
  overflow-wrap: anywhere;
}
:focus-visible {
  outline: 2px solid var(--rate);
  outline-offset: 2px;
}

.figures {
  display: flex;
  flex-wrap: wrap;
  gap: 1rem 2.5rem;
  margin: 1rem 0 0.75rem;
}
.figures dt {
  color: var(--dim);
  font-size: 0.75rem;
}
.figures strong {
  color: var(--ink);
  font-size: 1.125rem;
  font-weight: 600;
}
.figures span {
  color: var(--dim);
  font-size: 0.75rem;
  font-weight: 400;
}
.figures .zero strong {
  color: var(--dim);
  font-weight: 400;
}
.figures .bad strong {
  color: var(--bad);
}
.doubts {
  margin-top: 0.5rem;
  padding-left: 0.75rem;
  border-left: 3px solid var(--t2);
  list-style: none;
  overflow-wrap: anywhere;
}

#findings ol {
  list-style: none;
  counter-reset: finding;
}
#findings li {
  position: relative;
  padding: 0.25rem 0 0.25rem 2rem;
  color: var(--ink);
  font-weight: 400;
  counter-increment: finding;
  overflow-wrap: anywhere;
}
#findings li::before {
  content: counter(finding);
  position: absolute;
  left: 0;
  top: 0.3rem;
  min-width: 1.25rem;
  border-radius: 0.625rem;
  background: #a8123e;
  color: #ffffff;
  font-size: 0.75rem;
  font-weight: 600;
  line-height: 1.25rem;
  text-align: center;
}
#findings li.gap::before {
  background: #5b6672;
}
#findings time {
  margin-right: 0.75rem;
  color: var(--dim);
}
#findings li:target {
  background: var(--band);
}

.legend .key {
  margin-left: 0.5rem;
  white-space: nowrap;
}
.scripted .static {
  display: none;
}
svg {
  vertical-align: middle;
}
.still {
  width: 100%;
  border-collapse: collapse;
  table-layout: fixed;
}
.still th,
.still td {
  padding: 0.125rem 0;
  border: 0;
}
.still tr > :first-child {
  width: 13rem;
  padding-right: 0.75rem;
}
.still tr > :last-child {
  width: 4rem;
  padding-left: 0.75rem;
  font-size: 0.75rem;
  color: var(--dim);
  white-space: nowrap;
}
.still th {
  overflow: hidden;
  text-overflow: ellipsis;
  color: var(--ink);
  font-size: 0.875rem;
  font-weight: 400;
  line-height: 1.25;
}
.still .all th {
  font-weight: 600;
}
.still th.zero {
  color: var(--dim);
  font-size: 0.75rem;
}
.still svg {
  display: block;
}
.still .above td,
.still .below td {
  padding: 0;
}
.still-axis text,
.still-axis {
  fill: var(--dim);
  font-size: 0.75rem;
}
.still-axis line {
  stroke: var(--base);
}
.still-markers text {
  fill: var(--marker);
  font-size: 0.75rem;
}
details summary {
  color: var(--rate);
  cursor: pointer;
}

svg .t0,
svg.t0 {
  fill: var(--t0);
}
svg .t1 {
  fill: var(--t1);
}
svg .t2 {
  fill: var(--t2);
}
svg .t3 {
  fill: var(--t3);
}
svg .t4,
svg .foot {
  fill: var(--t4);
}
svg .gap {
  fill: var(--gap);
}
svg .hatch {
  fill: none;
  stroke: var(--hatch);
  vector-effect: non-scaling-stroke;
}
svg .presence {
  fill: none;
  stroke: var(--base);
  vector-effect: non-scaling-stroke;
}
svg .rule {
  stroke: var(--base);
}
svg .marker {
  fill: none;
  stroke: var(--marker);
  vector-effect: non-scaling-stroke;
}
svg .extent-band {
  fill: var(--band);
}
svg .h1 {
  fill: var(--h1);
}
svg .h2 {
  fill: var(--h2);
}
svg .h3 {
  fill: var(--h3);
}
svg .h4 {
  fill: var(--h4);
}
svg .h5 {
  fill: var(--h5);
}
svg .h6 {
  fill: var(--h6);
}
svg .h7 {
  fill: var(--h7);
}
svg .h8 {
  fill: var(--h8);
}
svg .halo {
  fill: none;
  stroke: var(--halo);
  stroke-width: 3;
  stroke-opacity: 0.7;
  vector-effect: non-scaling-stroke;
}
svg .p50,
svg .p99 {
  fill: none;
  stroke: var(--p50);
  stroke-width: 1.5;
  vector-effect: non-scaling-stroke;
}
svg .p99 {
  stroke: var(--p99);
  stroke-dasharray: 4 2;
}

.scroll {
  position: relative;
  overflow-x: auto;
}
table {
  border-collapse: collapse;
}
th,
td {
  padding: 0.25rem 0.75rem 0.25rem 0;
  border-bottom: 1px solid var(--line);
  text-align: left;
  vertical-align: top;
  white-space: nowrap;
}
thead th {
  color: var(--dim);
  font-size: 0.75rem;
  font-weight: 500;
}
th:last-child,
td:last-child {
  padding-right: 0;
}
.right,
[align='right'] {
  text-align: right;
}
td code {
  display: inline-block;
  max-width: 28rem;
  white-space: pre-wrap;
  overflow-wrap: break-word;
}
td br {
  display: none;
}
td .bar {
  display: block;
  width: 2.75rem;
  margin-left: auto;
}
td .bar rect {
  fill: var(--bar);
}
td .bar.trouble rect {
  fill: var(--t3);
}
td .bar.before rect {
  fill: var(--base);
}
td .spark {
  width: 5.5rem;
}
.sortable {
  min-width: min(100%, 40rem);
}
.narrow .sortable {
  min-width: min(100%, 22rem);
}
.plain {
  list-style: none;
  overflow-wrap: anywhere;
}
th button,
li button {
  all: unset;
  cursor: pointer;
}
th button:focus-visible,
li button:focus-visible {
  outline: 2px solid var(--rate);
  outline-offset: 2px;
}
th[aria-sort='ascending'] button::after {
  content: ' ▲';
}
th[aria-sort='descending'] button::after {
  content: ' ▼';
}
li button:hover {
  text-decoration: underline;
}
pre {
  margin: 0;
  padding: 0.5rem 0.75rem;
  background: var(--raised);
  white-space: pre-wrap;
}
@media (max-width: 40rem) {
  .still tr {
    display: grid;
    grid-template-columns: minmax(0, 1fr) auto;
  }
  .still tr > :first-child,
  .still tr > :last-child {
    width: auto;
    padding: 0;
  }
  .still tr > .drawing,
  .still .above > :nth-child(2),
  .still .below > :nth-child(2) {
    grid-row: 2;
    grid-column: 1 / -1;
  }
  .still tr > .times {
    position: absolute;
    z-index: 1;
    width: 3.5rem;
  }
  .still td.times svg text {
    stroke: var(--back);
    stroke-width: 3;
    paint-order: stroke;
  }
  .still th[align='right'] {
    text-align: left;
  }
  .wide-only {
    display: none;
  }
  .figures {
    gap: 0.75rem 1.5rem;
  }
}
@media (prefers-reduced-motion: reduce) {
  html {
    scroll-behavior: auto;
  }
}
@media print {
  :root {
    color-scheme: light;
    font-size: 11.5px;
    print-color-adjust: exact;
  }
  @page {
    size: A4;
    margin: 12mm;
  }
  main {
    display: block;
    padding: 0;
    max-width: none;
  }
  main > section {
    margin-bottom: 1rem;
  }
  #headline,
  #findings,
  #lanes,
  #heat,
  .narrow {
    break-inside: avoid-page;
  }
  tr,
  h2 {
    break-inside: avoid;
    break-after: auto;
  }
  .scroll {
    overflow: visible;
  }
  th,
  td {
    padding: 0.1rem 0.35rem 0.1rem 0;
    font-size: 0.7rem;
  }
  td code {
    max-width: 13rem;
    font-size: 0.95em;
  }
  td .spark {
    width: 3.5rem;
  }
  td .bar {
    width: 2rem;
  }
  .sortable {
    min-width: 0;
  }
}
`
