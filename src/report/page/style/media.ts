/** Narrow windows, people who want no motion, and paper. */
export const MEDIA = `
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
