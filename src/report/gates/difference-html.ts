/** A difference as one HTML page, in the style of the report: what was, what is, and whether it could be chance. */
import { hasGrpc } from '../../frame/model/aggregate.ts'
import { micros } from '../../frame/model/units.ts'
import type { Changes } from '../../frame/views/compare.ts'
import { labelOf } from '../../frame/views/labels.ts'
import { exactCount, finePercent, latency, NOTHING, plural, rate } from '../../render/quantities.ts'
import { severalNamespaces } from '../document/json.ts'
import { text } from '../page/markup.ts'
import { wholePage } from '../page/skeleton.ts'
import { CHANCE, MARK, points, relative, SHOWN, sideText } from './change-text.ts'
import type { Difference, GateResult, Presence } from './difference.ts'
import { changeTable, type ChangeColumn } from './change-table.ts'

export function differenceHtml(difference: Difference, timeZone: string): string {
  const { base, target, backends, gates, notes } = difference
  const several = severalNamespaces(base.selected) || severalNamespaces(target.selected)
  const columns = columnsOf([base, target].some(({ selected }) => hasGrpc(selected)))
  const backendRows = backends.map(({ backend, presence, changes }) => ({
    names: [labelOf(backend, several)],
    mark: MARK[presence],
    changes,
  }))
  const routeRows = backends.flatMap(({ backend, routes }) =>
    routes.map(({ route, presence, changes }) => ({
      names: [labelOf(backend, several), route.method, route.path],
      mark: MARK[presence],
      changes,
    })),
  )
  const more = routeRows.length - SHOWN
  return wholePage({
    title: 'difference',
    main: [
      `<section id="headline"><p class="brand">upstreamtop diff</p><h1>${text(verdict(difference))}</h1>`,
      `<dl class="figures">${columns.map((column) => figureHtml(column, difference.totals)).join('\n')}</dl>`,
      `<p class="note">base ${text(sideText(base, timeZone))}<br>target ${text(sideText(target, timeZone))}<br>${text(CHANCE)}</p>`,
      notes.length === 0
        ? '</section>'
        : `<ul class="doubts">${notes.map((note) => `<li>${text(note)}</li>`).join('')}</ul></section>`,
      ...(gates.length === 0 ? [] : [gatesHtml(gates)]),
      changeTable('Backends', ['BACKEND'], backendRows, columns, null),
      changeTable(
        'Routes',
        ['BACKEND', 'METHOD', 'ROUTE'],
        routeRows.slice(0, SHOWN),
        columns,
        more > 0 ? `and ${exactCount(more)} more: --format json` : null,
      ),
    ].join('\n'),
    data: null,
  })
}

const time = (value: number | null): string => latency(value === null ? null : micros(value))
const perSecond = (value: number | null): string => (value === null ? NOTHING : rate(value))

const columnsOf = (withGrpc: boolean): ChangeColumn[] => [
  column('RPS', 'Requests per second', ({ rps }) => rps, perSecond),
  trouble('5XX', '5xx', ({ fivexx }) => fivexx),
  trouble('FAILED', 'Failures', ({ failures }) => failures),
  ...(withGrpc ? [trouble('GRPC ERR', 'gRPC errors', ({ grpcErrors }) => grpcErrors)] : []),
  { ...column('P50', 'Median', ({ p50 }) => p50, time), isWorse: true },
  { ...column('P99', 'p99', ({ p99 }) => p99, time), isWorse: true },
]

const column = (
  title: string,
  name: string,
  of: ChangeColumn['of'],
  shown: ChangeColumn['shown'],
): ChangeColumn => ({ title, name, of, shown, delta: relative, isWorse: false, isTrouble: false })

const trouble = (title: string, name: string, of: ChangeColumn['of']): ChangeColumn => ({
  ...column(title, name, of, finePercent),
  delta: points,
  isWorse: true,
  isTrouble: true,
})

/** What a job's log would say: gates first; else what changed for certain. */
function verdict({ gates, backends }: Difference): string {
  const failed = gates.filter((gate) => gate.failed).length
  if (gates.length > 0) return failed === 0 ? 'All gates hold' : `${failed} of ${gates.length} gates failed`
  const count = (which: Presence): number => backends.filter(({ presence }) => presence === which).length
  const [fresh, gone] = [count('new'), count('gone')]
  return `Difference${fresh + gone === 0 ? '' : `: ${[fresh > 0 ? plural(fresh, 'new backend') : '', gone > 0 ? `${gone} gone` : ''].filter(Boolean).join(', ')}`}`
}

function figureHtml({ name, of, shown, delta, isWorse }: ChangeColumn, totals: Changes): string {
  const change = of(totals)
  const isBad = isWorse && change.noise === false && (change.change ?? 0) > 0
  const isQuiet = change.target === null || change.target === 0
  return (
    `<div${isBad ? ' class="bad"' : isQuiet ? ' class="zero"' : ''}><dt>${text(name)}</dt>` +
    `<dd><strong>${text(shown(change.target))}</strong> <span>${text(delta(change))}, was ${text(shown(change.base))}</span></dd></div>`
  )
}

function gatesHtml(gates: readonly GateResult[]): string {
  const rows = gates.map(
    ({ expression, failed, measured }) =>
      `<tr><td class="${failed ? 'bad' : 'zero'}">${failed ? 'FAIL' : 'ok'}</td><td><code>${text(expression)}</code></td><td>${text(measured)}</td></tr>`,
  )
  return `<section><h2>Gates</h2><table cellpadding="4"><thead><tr><th scope="col" align="left"></th><th scope="col" align="left">GATE</th><th scope="col" align="left">MEASURED</th></tr></thead><tbody>${rows.join('\n')}</tbody></table></section>`
}
