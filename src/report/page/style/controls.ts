/** What the script adds beside the drawings: tools, the table of the moment, help. */
export const CONTROLS = `
.tip {
  position: fixed;
  z-index: 3;
  max-width: 26rem;
  padding: 0.35rem 0.6rem;
  border: 1px solid var(--line);
  border-radius: 0.3rem;
  background: var(--back);
  color: var(--ink);
  font-size: 0.85rem;
  font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere;
  pointer-events: none;
}
.tip div:first-child {
  color: var(--dim);
}
.tools {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 0.5rem;
  margin-bottom: 0.5rem;
}
.tools input {
  flex: 1;
  min-width: 8rem;
  accent-color: var(--rate);
}
.tools output {
  min-width: 10.5rem;
  font-variant-numeric: tabular-nums;
}
.says {
  flex-basis: 100%;
  margin: 0;
  color: var(--dim);
}
.tools button,
.tools select,
.requests button,
.help button,
.filter input {
  padding: 0.15rem 0.6rem;
  border: 1px solid var(--line);
  border-radius: 0.3rem;
  background: var(--raised);
  color: inherit;
  font: inherit;
  cursor: pointer;
}
.tools button:disabled {
  color: var(--dim);
  cursor: default;
}
#moment .head {
  display: flex;
  flex-wrap: wrap;
  justify-content: space-between;
  align-items: baseline;
  gap: 0.5rem 1.5rem;
}
.filter {
  display: flex;
  align-items: center;
  gap: 0.5rem;
}
.filter input {
  width: 18rem;
  max-width: 60vw;
  cursor: text;
}
.board {
  width: 100%;
}
.board th:first-child {
  text-align: left;
}
.board th[scope='row'] {
  min-width: 8rem;
  color: inherit;
  font-weight: inherit;
  font-size: inherit;
  text-align: left;
  white-space: normal;
  overflow-wrap: anywhere;
}
.board .course svg {
  display: block;
  width: 8rem;
  height: 1.1rem;
}
.board td.right,
.board th.right {
  position: relative;
  text-align: right;
}
.board .bar {
  position: absolute;
  right: 0;
  bottom: 1px;
  height: 3px;
  background: var(--bar);
}
.board .trouble .bar {
  background: var(--t3);
}
.board td.trouble {
  color: var(--bad);
  font-weight: 600;
}
.board .zero {
  color: var(--dim);
}
.help {
  max-width: 40rem;
  border: 1px solid var(--line);
  border-radius: 0.5rem;
  background: var(--back);
  color: var(--ink);
}
.help dl {
  display: grid;
  grid-template-columns: max-content 1fr;
  gap: 0.25rem 1rem;
}
.help dt {
  font: 600 0.85rem ui-monospace, monospace;
}
.help dd {
  margin: 0;
}
@media (max-width: 40rem) {
  .lanes,
  .heatmap,
  .sides.two .lanes,
  .sides.two .heatmap {
    grid-template-columns: 5.5rem minmax(0, 1fr);
  }
  .lanes .most {
    display: none;
  }
  .sides.two {
    grid-template-columns: minmax(0, 1fr);
  }
}
@media print {
  .tools,
  .filter,
  .more,
  .over,
  .tip,
  .requests {
    display: none;
  }
}
`
