/** Evaluates assertions on a recording: the measured values, and whether each assertion holds. */
import { measureName, type Expression, type MeasureTest } from '../../frame/expression/expression.ts'
import { ExpressionError } from '../../frame/expression/expression.ts'
import { holds } from '../../frame/expression/measure.ts'
import { selectRows, splitSelection, testsOf } from '../../frame/expression/selection.ts'
import { narrowTo } from '../../frame/expression/target.ts'
import type { Aggregate } from '../../frame/model/aggregate.ts'
import type { Distribution } from '../../frame/model/frame.ts'
import { exactCount, finePercent } from '../../render/quantities.ts'
import type { Evidence, Value } from './evidence.ts'

export interface Assertion {
  readonly text: string
  readonly expression: Expression
}

export interface AssertionResult {
  readonly expression: string
  /** false if a measure has no data */
  readonly holds: boolean
  readonly measured: readonly Measurement[]
}

export interface Measurement {
  readonly measure: string
  /** ms, 0–1, or a number; null where there was nothing to measure */
  readonly value: number | null
  /** for people; of null why there is no value */
  readonly shown: string
  /** number of requests or answers behind the value */
  readonly count: number
  /** why there is no value, in words */
  readonly reason: string | null
}

/** @throws ExpressionError if the expression cannot be asserted */
export function checkAssertion({ text, expression }: Assertion): void {
  const { codes } = splitSelection([expression], text)
  const tests = testsOf(expression)
  const status = tests.find((test) => test.kind === 'status')
  if (codes !== null)
    throw new ExpressionError('status counts nothing here: write 5xx, 4xx, …', text, status?.at ?? 0)
  const measures = tests.filter((test) => test.kind === 'measure')
  if (measures.length === 0)
    throw new ExpressionError('nothing is measured: add a measure such as p99 < 300ms', text, 0)
  const change = measures.find((test) => test.quantity.change)
  if (change !== undefined) {
    throw new ExpressionError('a change needs two sides: use diff --fail-on', text, change.at)
  }
}

export function assertAll(assertions: readonly Assertion[], evidence: Evidence): AssertionResult[] {
  const { selected } = evidence.summary
  return assertions.map(({ text, expression }) => {
    const { rows, lines } = splitSelection([expression], text)
    const of = (test: MeasureTest): Value => evidence.measured(test, rows)
    return {
      expression: text,
      holds: lines !== null && holds(lines, (test) => of(test).value) === true,
      measured: testsOf(expression)
        .filter((test) => test.kind === 'measure')
        .map((test) => measurement(test, of(test), basisOf(test, selectRows(selected, rows)))),
    }
  })
}

function measurement(test: MeasureTest, { value, lack }: Value, count: number): Measurement {
  return {
    measure: nameOf(test),
    value: value !== null && test.quantity.unit === 'duration' ? value / 1000 : value,
    shown:
      lack === null ? `${shownMeasure(test, value)} (of ${exactCount(count)})` : `nothing (of 0): ${lack}`,
    count: lack === null ? count : 0,
    reason: lack,
  }
}

/** `p99(10.0.1.10:8080 /checkout)` */
export function nameOf({ measure, target }: MeasureTest): string {
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

/** What is absent has no requests: those among which it was looked for. */
function basisOf({ measure, target }: MeasureTest, selected: Aggregate): number {
  const { totals } = target === null || measure.kind === 'absent' ? selected : narrowTo(selected, target)
  if (measure.kind !== 'latency')
    return measure.kind === 'count' && measure.name.endsWith('xx') ? totals.answered : totals.requests
  const distributions: Record<typeof measure.clock, Distribution> = {
    header: totals.header,
    total: totals.total,
    connect: totals.connection.connect,
  }
  return distributions[measure.clock].count
}
