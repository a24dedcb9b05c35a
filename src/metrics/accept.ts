/** Which format a scraper asks for, by its Accept header (RFC 9110, 12.5.1). */
import type { PageFormat } from './page.ts'

/** The older format for whoever does not ask for OpenMetrics at least as much as for it. */
export function formatFor(accept = ''): PageFormat {
  const ranges = accept.split(',').map(rangeOf)
  const weight = (...types: readonly string[]): number =>
    types.map((type) => ranges.find((range) => range.type === type)?.weight).find((q) => q !== undefined) ?? 0
  const openMetrics = Math.max(0, ...ranges.filter(isOpenMetrics).map((range) => range.weight))
  return openMetrics > 0 && openMetrics >= weight('text/plain', 'text/*', '*/*')
    ? 'openmetrics'
    : 'prometheus'
}

interface MediaRange {
  readonly type: string
  readonly weight: number
}

function rangeOf(text: string): MediaRange {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase())
  const weight = parameters.map((parameter) => /^q=(\d(?:\.\d{0,3})?)$/.exec(parameter)?.[1]).find(Boolean)
  return { type, weight: weight === undefined ? 1 : Number(weight) }
}

const isOpenMetrics = ({ type }: MediaRange): boolean => type === 'application/openmetrics-text'
