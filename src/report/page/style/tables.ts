/** Tables, and the bars and courses in their cells. */
export const TABLES = `
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
:where(th button, li button) {
  all: unset;
  cursor: pointer;
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
`
