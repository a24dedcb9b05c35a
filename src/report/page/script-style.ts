/** The style of what only the script makes: its colours and sizes are those of `style.ts`. */
export const SCRIPT_STYLE = `
.lanes,
.heatmap {
  position: relative;
  display: grid;
  grid-template-columns: minmax(6rem, 14rem) minmax(0, 1fr) 4.5rem;
  column-gap: 0.75rem;
  align-items: center;
}
.heatmap {
  grid-template-columns: minmax(4.5rem, 14rem) minmax(0, 1fr) 4.5rem;
}
.lanes > .marks,
.lanes > .axis,
.lanes > .strip,
.over,
.heatmap > .axis,
.heatmap > .map,
.heatmap > .troubles {
  grid-column: 2;
}
.lanes > .name {
  grid-column: 1;
}
.sides.two {
  display: grid;
  grid-template-columns: repeat(2, minmax(0, 1fr));
  gap: 1.5rem;
  align-items: start;
}
.side h3 {
  margin: 0 0 0.25rem;
  font-size: 0.85rem;
  overflow-wrap: anywhere;
}
.sides.two .lanes,
.sides.two .heatmap {
  grid-template-columns: minmax(4rem, 8rem) minmax(0, 1fr) 3rem;
}
.name,
.crumb,
.open,
.finding,
.more {
  all: unset;
  cursor: pointer;
  overflow-wrap: anywhere;
}
.name {
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
  line-height: 1.3;
}
.name.total {
  font-weight: 600;
}
.name.route,
.board .route .open,
.board .route th:not(:has(button)) {
  padding-left: 1rem;
  font: 0.85em ui-monospace, monospace;
}
.name:hover,
.crumb:hover,
.open:hover,
.finding:hover,
.more:hover {
  text-decoration: underline;
}
.name[aria-pressed='true'],
.crumb[aria-current],
.chosen .open {
  font-weight: 600;
  text-decoration: underline;
  text-underline-offset: 3px;
}
.path {
  margin-bottom: 0.5rem;
}
.strip {
  height: 1.6rem;
}
.strip.total {
  height: 3.2rem;
}
.strip.route {
  height: 1.1rem;
}
.strip svg,
.map svg,
.troubles svg {
  display: block;
  width: 100%;
  height: 100%;
}
.most,
.scale,
.latencies {
  color: var(--dim);
  font-size: 0.8rem;
  font-variant-numeric: tabular-nums;
  text-align: right;
  white-space: nowrap;
}
.marks {
  position: relative;
  z-index: 2;
  height: calc(1.4rem * var(--rows, 1));
  pointer-events: none;
}
.mark {
  position: absolute;
  top: calc(1.4rem * var(--row, 0));
  transform: translateX(-50%);
  min-width: 1.25rem;
  padding: 0 0.2rem;
  border: 0;
  border-radius: 0.625rem;
  background: #a8123e;
  color: #ffffff;
  font: 600 0.75rem/1.25rem system-ui, sans-serif;
  text-align: center;
  cursor: pointer;
  pointer-events: auto;
}
.mark.gap {
  background: #5b6672;
}
.mark.marker {
  background: none;
  color: var(--marker);
}
.band {
  position: absolute;
  bottom: 0;
  height: 2px;
  min-width: 3px;
  background: #a8123e;
}
.band.gap {
  background: #5b6672;
}
.over {
  position: relative;
  z-index: 1;
  align-self: stretch;
  cursor: crosshair;
  touch-action: pan-y;
  user-select: none;
}
.cursor {
  position: absolute;
  top: 0;
  bottom: 0;
  width: 0;
  border-left: 1px solid var(--ink);
  pointer-events: none;
}
.brush {
  position: absolute;
  top: 0;
  bottom: 0;
  background: var(--ink);
  opacity: 0.15;
  pointer-events: none;
}
.cell {
  position: absolute;
  min-width: 3px;
  min-height: 3px;
  outline: 2px solid var(--ink);
  pointer-events: none;
}
.axis {
  position: relative;
  height: 1.5rem;
  color: var(--dim);
  font-size: 0.75rem;
  font-variant-numeric: tabular-nums;
}
.axis .tick {
  position: absolute;
  top: 0;
  padding: 0.25rem 0 0 0.25rem;
  border-left: 1px solid var(--line);
  white-space: nowrap;
}
.heatmap .map,
.heatmap .over,
.heatmap .latencies {
  grid-row: 2;
  height: 15rem;
}
.heatmap .troubles {
  grid-row: 1;
  height: 1.75rem;
}
.heatmap .scale {
  align-self: start;
  grid-row: 1;
  grid-column: 1;
}
.heatmap .axis {
  grid-row: 3;
}
.heatmap .latencies {
  position: relative;
  grid-column: 1;
}
.latencies span {
  position: absolute;
  right: 0;
  transform: translateY(-50%);
}
.lanes > .most {
  grid-column: 3;
}
.heatmap .note,
.lanes .under {
  grid-column: 1 / -1;
}
.under {
  display: flex;
  gap: 1rem;
}
.more {
  color: var(--rate);
}
.note {
  margin: 0.25rem 0;
  color: var(--dim);
  font-size: 0.85rem;
}
.error {
  margin: 0;
  font: 0.9em ui-monospace, monospace;
  white-space: pre-wrap;
  color: var(--bad);
}
.error:empty,
.says:empty {
  display: none;
}
svg .rule {
  stroke-opacity: 0.5;
  vector-effect: non-scaling-stroke;
}
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
:focus-visible {
  outline: 2px solid var(--rate);
  outline-offset: 2px;
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
.board th button {
  all: unset;
  cursor: pointer;
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
.unseen {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
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
