/** The numbers of `diff` for the two that stand side by side. */
import { micros } from '../../../../frame/model/units.ts'
import { finePercent, latency, NOTHING, rate } from '../../../../render/quantities.ts'
import { visible } from '../../../../render/text.ts'
import { CHANGE_FIELDS, type Change, type Changed, type ChangeField } from '../../source/source.ts'
import { element } from '../browser/dom.ts'

const MAX_LINES = 60

const TITLES: Readonly<Record<ChangeField, string>> = {
  rps: 'RPS',
  '5xx': '5XX',
  failures: 'FAILED',
  p50: 'P50',
  p99: 'P99',
}

const TEXTS: Readonly<Record<ChangeField, (value: number) => string>> = {
  rps: rate,
  '5xx': finePercent,
  failures: finePercent,
  p50: (millis) => latency(micros(millis * 1000)),
  p99: (millis) => latency(micros(millis * 1000)),
}

/** @param changes from the first picture to the second */
export function changesTable(changes: readonly Change[]): HTMLElement[] {
  const head = ['BACKEND, ROUTE', ...CHANGE_FIELDS.map((name) => TITLES[name])].map((title, i) => {
    const cell = element('th', i === 0 ? '' : 'right', title)
    cell.scope = 'col'
    return cell
  })
  const body = changes.slice(0, MAX_LINES).map(lineOf)
  const table = element(
    'table',
    'board',
    element('thead', '', element('tr', '', ...head)),
    element('tbody', '', ...body),
  )
  const more = changes.length - MAX_LINES
  return [
    element('div', 'scroll', table),
    element(
      'p',
      'note',
      `From the first to the second; ≈ could be chance.${more > 0 ? ` ${more} more lines: upstreamtop diff.` : ''}`,
    ),
  ]
}

function lineOf({ label, isRoute, fields }: Change): HTMLElement {
  const name = element('th', '', visible(label))
  name.scope = 'row'
  return element(
    'tr',
    isRoute ? 'route' : 'backend',
    name,
    ...CHANGE_FIELDS.map((field) => element('td', classOf(fields[field]), textOf(field, fields[field]))),
  )
}

/** `12ms → 48ms`, or once what did not change; ≈ in front of what could be chance */
function textOf(field: ChangeField, { base, target, noise }: Changed): string {
  const [before, after] = [base, target].map((value) => (value === null ? NOTHING : TEXTS[field](value)))
  if (before === undefined || after === undefined || before === after) return before ?? NOTHING
  return `${noise === true ? '≈ ' : ''}${before} → ${after}`
}

const classOf = ({ base, target, noise }: Changed): string =>
  base === target || noise !== false ? 'right zero' : 'right changed'
