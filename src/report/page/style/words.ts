/** Words: type, headings, the headline, the findings. */
export const WORDS = `
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
`
