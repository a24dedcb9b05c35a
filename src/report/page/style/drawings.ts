/** What is drawn: levels of trouble and of brightness, gaps, lines. */
export const DRAWINGS = `
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
svg .t4 {
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
`
