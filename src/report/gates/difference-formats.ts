/** A difference as text, Markdown, HTML and JSON. */
import { hasGrpc, nameOf } from '../../frame/model/aggregate.ts'
import { micros, toSeconds } from '../../frame/model/units.ts'
import { isoUtc } from '../../frame/time/timezone.ts'
import type { Change, Changes } from '../../frame/views/compare.ts'
import { labelOf } from '../../frame/views/labels.ts'
import { exactCount, finePercent, latency, rate } from '../../render/quantities.ts'
import { jsonText } from '../../render/text.ts'
import type { Summary } from '../data/summary.ts'
import { recordingEntry, severalNamespaces } from '../document/json.ts'
import { sectionMarkdown } from '../formats/markdown.ts'
import type { Column, Section } from '../formats/section.ts'
import { sectionText } from '../formats/text.ts'
import { CHANCE, MARK, points, relative, SHOWN, sideText } from './change-text.ts'
import { differenceHtml } from './difference-html.ts'
import type { Difference } from './difference.ts'

type Formatter = (difference: Difference, timeZone: string) => string

export const DIFFERENCE_FORMATS = {
  text: formatterOf(sectionText),
  md: formatterOf(sectionMarkdown),
  html: differenceHtml,
  json: (difference) => `${jsonText(documentOf(difference))}\n`,
} as const satisfies Readonly<Record<string, Formatter>>

export type DifferenceFormat = keyof typeof DIFFERENCE_FORMATS

function formatterOf(draw: (section: Section) => string): Formatter {
  return (difference, timeZone) => `${sectionsOf(difference, timeZone).map(draw).join('\n\n')}\n`
}

function sectionsOf(
  { base, target, totals, backends, gates, notes }: Difference,
  timeZone: string,
): Section[] {
  const several = severalNamespaces(base.selected) || severalNamespaces(target.selected)
  const withGrpc = [base, target].some(({ selected }) => hasGrpc(selected))
  const cells = (changes: Changes): string[] => cellsOf(changes, withGrpc)
  const table = (
    title: string,
    names: readonly string[],
    rows: readonly string[][],
    note: string | null,
  ): Section => tableOf(title, names, rows, note, withGrpc)
  const backendRows = backends.map(({ backend, presence, changes }) => [
    labelOf(backend, several),
    ...cells(changes),
    MARK[presence],
  ])
  const routeRows = backends.flatMap(({ backend, routes }) =>
    routes.map(({ route, presence, changes }) => [
      labelOf(backend, several),
      route.method,
      route.path,
      ...cells(changes),
      MARK[presence],
    ]),
  )
  return [
    { kind: 'title', text: 'difference' },
    {
      kind: 'lines',
      title: null,
      lines: [`base    ${sideText(base, timeZone)}`, `target  ${sideText(target, timeZone)}`, ...notes],
    },
    table('Totals', [], [[...cells(totals), '']], null),
    table('Backends', ['BACKEND'], backendRows, null),
    table(
      'Routes',
      ['BACKEND', 'METHOD', 'ROUTE'],
      routeRows.slice(0, SHOWN),
      routeRows.length > SHOWN ? `and ${routeRows.length - SHOWN} more: --format json` : null,
    ),
    ...(gates.length === 0
      ? []
      : [
          {
            kind: 'lines',
            title: 'Gates',
            lines: gates.map(
              ({ expression, failed, measured }) =>
                `${failed ? 'FAIL' : 'ok  '}  ${expression}  measured ${measured}`,
            ),
          } as const,
        ]),
    { kind: 'lines', title: null, lines: [CHANCE] },
  ]
}

/** gRPC has columns where there was any on a side. */
const tableOf = (
  title: string,
  names: readonly string[],
  rows: readonly (readonly string[])[],
  note: string | null,
  withGrpc: boolean,
): Section => ({
  kind: 'table',
  title,
  columns: [
    ...names.map((name): Column => ({ title: name, align: 'left', untrusted: true })),
    ...[
      ...['REQUESTS', 'RPS', 'Δ', '5XX', 'Δ', 'FAILED', 'Δ'],
      ...(withGrpc ? ['GRPC ERR', 'Δ'] : []),
      ...['P50', 'Δ', 'P99', 'Δ'],
    ].map((name): Column => ({ title: name, align: 'right', untrusted: false })),
    { title: '', align: 'left', untrusted: false },
  ],
  rows,
  note,
})

function cellsOf(
  { requests, rps, fivexx, failures, grpcErrors, p50, p99 }: Changes,
  withGrpc: boolean,
): string[] {
  const time = (value: number | null): string => latency(value === null ? null : micros(value))
  return [
    exactCount(requests.target),
    rps.target === null ? '–' : rate(rps.target),
    relative(rps),
    finePercent(fivexx.target),
    points(fivexx),
    finePercent(failures.target),
    points(failures),
    ...(withGrpc ? [finePercent(grpcErrors.target), points(grpcErrors)] : []),
    time(p50.target),
    relative(p50),
    time(p99.target),
    relative(p99),
  ]
}

function documentOf({ base, target, totals, backends, gates, notes }: Difference) {
  return {
    schema: 1,
    base: sideEntry(base),
    target: sideEntry(target),
    totals: changesEntry(totals),
    backends: backends.map(({ backend, presence, changes, routes }) => ({
      backend: backend.address,
      name: nameOf(backend),
      names: backend.names,
      presence,
      ...changesEntry(changes),
      routes: routes.map((line) => ({
        method: line.route.method,
        route: line.route.path,
        presence: line.presence,
        ...changesEntry(line.changes),
      })),
    })),
    gates,
    notes,
  }
}

const sideEntry = ({ recordings, query: { range }, selected, coverage }: Summary) => ({
  recording: recordings.map(recordingEntry),
  range: {
    from: isoUtc(range.from),
    to: isoUtc(range.to),
    seconds: (range.to - range.from) / 1e6,
    covered: toSeconds(selected.covered),
  },
  coverage: coverage,
})

/** Times in ms. Changes are relative, but those of shares are in points. Infinity is null, because JSON has none. */
function changesEntry({ requests, answered, rps, fivexx, failures, grpcErrors, avg, p50, p99 }: Changes) {
  const finite = (change: Change, unit = 1) => ({
    base: change.base === null ? null : change.base / unit,
    target: change.target === null ? null : change.target / unit,
    change: change.change === Infinity ? null : change.change,
    noise: change.noise,
  })
  return {
    requests,
    answered,
    rps: finite(rps),
    '5xx': finite(fivexx),
    failures: finite(failures),
    grpc_errors: finite(grpcErrors),
    avg: finite(avg, 1000),
    p50: finite(p50, 1000),
    p99: finite(p99, 1000),
  }
}
