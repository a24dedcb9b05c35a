/** The style of the HTML report; in TypeScript because the compiler copies no CSS. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --back: #ffffff;
  --raised: #f4f5f7;
  --ink: #1c2127;
  --dim: #68707a;
  --line: #d9dde2;
  --rate: #2563eb;
  --time: #7c3aed;
  --tail: #c084fc;
  --bad: #d92d20;
  --warn: #b54708;
  --good: #2563eb;
}
@media screen and (prefers-color-scheme: dark) {
  :root:not(.printing) {
    --back: #14171b;
    --raised: #1d2127;
    --ink: #e4e7eb;
    --dim: #929aa5;
    --line: #343a43;
    --rate: #60a5fa;
    --time: #a78bfa;
    --tail: #7c5fc4;
    --bad: #f97066;
    --warn: #fdb022;
    --good: #60a5fa;
  }
}
* {
  box-sizing: border-box;
}
body {
  margin: 0 auto;
  padding: 1.5rem;
  max-width: 92rem;
  background: var(--back);
  color: var(--ink);
  font:
    14px/1.5 system-ui,
    sans-serif;
}
h1 {
  margin: 0;
  font-size: 1.25rem;
}
h2 {
  margin: 2rem 0 0.5rem;
  font-size: 1rem;
}
.dim,
figcaption {
  color: var(--dim);
}
.facts {
  display: flex;
  flex-wrap: wrap;
  gap: 0.75rem;
  margin: 1rem 0;
  padding: 0;
  list-style: none;
}
.facts li {
  padding: 0.4rem 0.75rem;
  background: var(--raised);
  border-radius: 0.4rem;
}
ul.plain {
  margin: 0;
  padding: 0;
  list-style: none;
}
ul.plain li {
  padding: 0.15rem 0;
  overflow-wrap: anywhere;
}
figure {
  margin: 0 0 1rem;
}
figure svg {
  width: 100%;
  height: 7rem;
  display: block;
}
svg .area {
  fill: none;
  stroke: var(--rate);
  stroke-width: 1.5;
  vector-effect: non-scaling-stroke;
}
svg .bad {
  stroke: var(--bad);
}
svg .time {
  stroke: var(--time);
}
svg .gap {
  fill: var(--line);
  opacity: 0.6;
}
.scroll {
  overflow-x: auto;
}
table {
  border-collapse: collapse;
  font-variant-numeric: tabular-nums;
}
th,
td {
  padding: 0.2rem 0.75rem 0.2rem 0;
  text-align: left;
  white-space: nowrap;
}
th {
  color: var(--dim);
  font-weight: 500;
  font-size: 0.8rem;
  border-bottom: 1px solid var(--line);
}
td {
  border-bottom: 1px solid var(--line);
}
.right,
[align='right'] {
  text-align: right;
}
td code,
code {
  font:
    0.9em ui-monospace,
    monospace;
  white-space: pre-wrap;
  overflow-wrap: anywhere;
}
th button {
  all: unset;
  cursor: pointer;
}
th button:focus-visible,
li button:focus-visible {
  outline: 2px solid var(--rate);
}
th[aria-sort='ascending'] button::after {
  content: ' ▲';
}
th[aria-sort='descending'] button::after {
  content: ' ▼';
}
li button {
  all: unset;
  cursor: pointer;
}
li button:hover {
  text-decoration: underline;
}
pre {
  margin: 0;
  padding: 0.5rem 0.75rem;
  background: var(--raised);
  border-radius: 0.4rem;
  overflow-x: auto;
  white-space: pre-wrap;
}
#board {
  margin-top: 0.5rem;
  min-height: 12rem;
}
#scrubber {
  display: flex;
  align-items: center;
  gap: 0.75rem;
}
#scrubber input {
  flex: 1;
  accent-color: var(--rate);
}
#scrubber button {
  font: inherit;
  padding: 0.1rem 0.6rem;
  color: inherit;
  background: var(--raised);
  border: 1px solid var(--line);
  border-radius: 0.3rem;
  cursor: pointer;
}
#moment {
  min-width: 11rem;
  font-variant-numeric: tabular-nums;
}
#board td:first-child {
  min-width: 12rem;
  white-space: normal;
  overflow-wrap: anywhere;
}
#board th {
  white-space: normal;
  vertical-align: bottom;
}
#board .route td:first-child {
  padding-left: 1.5rem;
}
#board .route {
  color: var(--dim);
}
#board .spark {
  width: 6rem;
  height: 1.2rem;
  vertical-align: middle;
}
#board .bar {
  display: inline-block;
  height: 0.6rem;
  background: var(--rate);
  border-radius: 2px;
}
#board .trouble {
  color: var(--bad);
  font-weight: 600;
}
.scripted figure svg.static {
  display: none;
}
.u-legend {
  font-size: 0.8rem;
  color: var(--dim);
}
@media (min-width: 72rem) {
  .scripted .beside { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 40rem); gap: 2.5rem; }
  .moment { position: sticky; top: 0; align-self: start; }
}
@media print {
  :root {
    color-scheme: light;
  }
  .scroll {
    overflow: visible;
  }
  th,
  td {
    padding: 0.1rem 0.35rem 0.1rem 0;
    font-size: 0.64rem;
  }
  td code {
    font-size: 0.95em;
  }
  .scripted .beside { display: block; }
  .moment { position: static; }
  body {
    max-width: none;
    padding: 0;
    font-size: 11px;
  }
  #scrubber button,
  #scrubber input,
  .moment .dim {
    display: none;
  }
  section {
    break-inside: avoid-page;
  }
}
`
