/** The page as it stands without a script: where its drawings are. */
export const STILL = `
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
`
