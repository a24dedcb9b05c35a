/** A difference as one HTML page, in the style of the report: what was, what is, and whether it could be chance. */
import { hasGrpc } from '../../frame/model/aggregate.ts'
import { micros } from '../../frame/model/units.ts'
import type { Change, Changes } from '../../frame/views/compare.ts'
import { labelOf } from '../../frame/views/labels.ts'
import { exactCount, finePercent, latency, NOTHING, rate } from '../../render/quantities.ts'
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
  {
    title: 'RPS',
    name: 'Requests a second',
    of: ({ rps }) => rps,
    shown: perSecond,
    delta: relative,
    isTrouble: false,
  },
  {
    title: '5XX',
    name: '5xx',
    of: ({ fivexx }) => fivexx,
    shown: finePercent,
    delta: points,
    isTrouble: true,
  },
  {
    title: 'FAILED',
    name: 'Failures',
    of: ({ failures }) => failures,
    shown: finePercent,
    delta: points,
    isTrouble: true,
  },
  ...(withGrpc
    ? [
        {
          title: 'GRPC ERR',
          name: 'gRPC errors',
          of: ({ grpcErrors }: Changes): Change => grpcErrors,
          shown: finePercent,
          delta: points,
          isTrouble: true,
        },
      ]
    : []),
  { title: 'P50', name: 'Median', of: ({ p50 }) => p50, shown: time, delta: relative, isTrouble: true },
  { title: 'P99', name: 'p99', of: ({ p99 }) => p99, shown: time, delta: relative, isTrouble: true },
]

/** What a job's log would say: gates first; else what changed for certain. */
function verdict({ gates, backends }: Difference): string {
  const failed = gates.filter((gate) => gate.failed).length
  if (gates.length > 0) return failed === 0 ? 'All gates hold' : `${failed} of ${gates.length} gates failed`
  const count = (which: Presence): number => backends.filter(({ presence }) => presence === which).length
  const [fresh, gone] = [count('new'), count('gone')]
  return `Difference${fresh + gone === 0 ? '' : `: ${[fresh > 0 ? `${fresh} backends new` : '', gone > 0 ? `${gone} gone` : ''].filter(Boolean).join(', ')}`}`
}

function figureHtml({ name, of, shown, delta, isTrouble }: ChangeColumn, totals: Changes): string {
  const change = of(totals)
  const isWorse = isTrouble && change.noise === false && (change.change ?? 0) > 0
  const isQuiet = change.target === null || change.target === 0
  return (
    `<div${isWorse ? ' class="bad"' : isQuiet ? ' class="zero"' : ''}><dt>${text(name)}</dt>` +
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
