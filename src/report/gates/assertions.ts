/** Evaluates assertions on a recording: the measured values, and whether each assertion holds. */
import type { CountName, Expression, MeasureTest } from '../../frame/expression/expression.ts'
import { holds } from '../../frame/expression/measure.ts'
import { selectRows, splitSelection, testsOf } from '../../frame/expression/selection.ts'
import { narrowTo } from '../../frame/expression/target.ts'
import type { Aggregate } from '../../frame/model/aggregate.ts'
import type { Counts, Distribution } from '../../frame/model/frame.ts'
import { grpcEnded } from '../../frame/model/grpc.ts'
import { nameOf, shownMeasure } from '../../render/measures.ts'
import { exactCount } from '../../render/quantities.ts'
import { decisive, type Verdict } from './any-backend.ts'
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

/** A measure of any one backend must hold of every one that has data; what is said is of the first of which it does not. */
export function assertAll(assertions: readonly Assertion[], evidence: Evidence): AssertionResult[] {
  return assertions.map((assertion) =>
    decisive(
      assertion.expression,
      () => evidence.backends,
      false,
      (expression) => resultOf({ ...assertion, expression }, evidence),
    ),
  )
}

function resultOf({ text, expression }: Assertion, evidence: Evidence): AssertionResult & Verdict {
  const { rows, lines } = splitSelection([expression], text)
  const of = (test: MeasureTest): Value => evidence.measured(test, rows)
  const verdict = lines === null ? null : holds(lines, (test) => of(test).value)
  return {
    verdict,
    expression: text,
    holds: verdict === true,
    measured: testsOf(expression)
      .filter((test) => test.kind === 'measure')
      .map((test) => measurement(test, of(test), basisOf(test, selectRows(evidence.summary.selected, rows)))),
  }
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

/** What is absent has no requests: those among which it was looked for. */
function basisOf({ measure, target }: MeasureTest, selected: Aggregate): number {
  const { totals } = target === null || measure.kind === 'absent' ? selected : narrowTo(selected, target)
  if (measure.kind === 'count') return basisOfCount(measure.name, totals)
  if (measure.kind !== 'latency') return totals.requests
  const distributions: Record<typeof measure.clock, Distribution> = {
    header: totals.header,
    total: totals.total,
    connect: totals.connection.connect,
  }
  return distributions[measure.clock].count
}

const basisOfCount = (name: CountName, { answered, requests, grpc }: Counts): number =>
  name === 'grpc_errors' ? (grpcEnded(grpc) ?? 0) : name.endsWith('xx') ? answered : requests
