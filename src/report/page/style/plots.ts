/** What the script draws and where: lanes, heatmap, marks, cursor. */
export const PLOTS = `
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
:where(.name, .crumb, .open, .finding, .more) {
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
`
