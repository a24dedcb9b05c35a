/** Queries of contrib/grafana/upstreamtop-clickhouse.json, with Grafana's macros expanded as its ClickHouse source does. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

interface Dashboard {
  readonly templating: {
    readonly list: readonly { readonly type: string; readonly name: string; readonly query: string }[]
  }
  readonly panels: readonly {
    readonly title: string
    readonly targets?: readonly { readonly rawSql: string }[]
  }[]
}

const DASHBOARD = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../contrib/grafana/upstreamtop-clickhouse.json'), 'utf8'),
) as Dashboard

export interface Shown {
  /** UTC, '2026-11-22 14:00:00' */
  readonly from: string
  readonly to: string
  readonly hosts: readonly string[]
  readonly grain: 'minute' | 'hour'
}

/** Title → SQL */
export const dashboardQueries = (shown: Shown): ReadonlyMap<string, string> =>
  new Map([
    ...DASHBOARD.templating.list
      .filter(({ type }) => type === 'query')
      .map(({ name, query }) => [`$${name}`, expanded(query, shown)] as const),
    ...DASHBOARD.panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ rawSql }) => [title, expanded(rawSql, shown)] as const),
    ),
  ])

function expanded(sql: string, { from, to, hosts, grain }: Shown): string {
  const [first, last] = [from, to].map(
    (time) => `toDateTime(${Date.parse(`${time.replace(' ', 'T')}Z`) / 1000})`,
  )
  const seconds = grain === 'minute' ? 60 : 3600
  const text = sql
    .replace(/\$__timeFilter\((\w+)\)/g, `$1 >= ${first} AND $1 <= ${last}`)
    .replace(/\$__timeInterval\((\w+)\)/g, `toDateTime(intDiv(toUInt32($1), ${seconds}) * ${seconds})`)
    .replaceAll('$__fromTime', first!)
    .replaceAll('$__toTime', last!)
    .replaceAll('$__interval_s', String(seconds))
    .replaceAll('${host:singlequote}', hosts.map((host) => `'${host}'`).join(','))
    .replaceAll('$grain', grain)
  const rest = /\$\w+|\$\{/.exec(text)
  if (rest !== null) throw new Error(`of "${rest[0]}" the test knows nothing: ${sql}`)
  return text
}
