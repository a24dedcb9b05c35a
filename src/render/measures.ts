/** Measures of expressions, and their values, as text. */
import { measureName, type MeasureTest } from '../frame/expression/expression.ts'
import { exactCount, finePercent } from './quantities.ts'

/** `p99(10.0.1.10:8080 /checkout)` */
export function nameOf({ measure, target }: Pick<MeasureTest, 'measure' | 'target'>): string {
  const parts = [target?.backend, target?.method, target?.route].filter(
    (part) => part !== undefined && part !== null,
  )
  return parts.length === 0 ? measureName(measure) : `${measureName(measure)}(${parts.join(' ')})`
}

/** Precise enough to compare the value with a limit. */
export function shownMeasure({ measure, quantity }: MeasureTest, value: number): string {
  if (measure.kind === 'absent') return value === 1 ? 'absent' : 'there'
  const unit = measure.kind === 'coverage' ? 'percent' : quantity.unit
  switch (unit) {
    case 'duration':
      return value < 1000 ? `${value} µs` : `${Number((value / 1000).toFixed(3))} ms`
    case 'percent':
      return finePercent(value)
    case 'points':
      return `${Number((value * 100).toFixed(2))} pp`
    case 'rate':
      return `${Number(value.toPrecision(4))}/s`
    case 'none':
      return Number.isInteger(value) ? exactCount(value) : String(Number(value.toPrecision(4)))
  }
}
