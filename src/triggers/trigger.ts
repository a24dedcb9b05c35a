/** A trigger: an expression of --on, read once and split into what each tick needs. */
import { checkCondition, isOfAnyBackend, namesIn } from '../frame/expression/condition.ts'
import { parseLasting } from '../frame/expression/expression-parser.ts'
import { ANY_BACKEND, type Expression, type MeasureTest } from '../frame/expression/expression.ts'
import { allOf, splitSelection, testsOf } from '../frame/expression/selection.ts'
import { rowsOf } from '../frame/expression/target.ts'
import type { Micros } from '../frame/model/units.ts'

export interface Trigger {
  /** as it was written */
  readonly text: string
  /** what is compared */
  readonly lines: Expression
  readonly tests: readonly RowTest[]
  /** null: the tick alone */
  readonly span: Micros | null
  /** it has a measure of any one backend */
  readonly ofAny: boolean
}

/** A measure with the rows of which it is taken. */
export interface RowTest {
  readonly test: MeasureTest
  /** of any one backend: its rows, else all */
  readonly ofAny: boolean
  /** null: all rows */
  readonly rows: Expression | null
  /** what must have occurred since the recorder began; without it there is no data */
  readonly needs: readonly Expression[]
}

/** @throws ExpressionError */
export function triggerOf(text: string): Trigger {
  const { expression, span } = parseLasting(text)
  checkCondition(text, expression)
  const { rows, lines } = splitSelection([expression], text)
  if (lines === null) throw new Error('a condition measures something')
  const tests = testsOf(lines).flatMap((test) => (test.kind === 'measure' ? [rowTest(test, rows)] : []))
  return { text, lines, tests, span, ofAny: isOfAnyBackend(lines) }
}

function rowTest(test: MeasureTest, rows: Expression | null): RowTest {
  const ofAny = test.target?.backend === ANY_BACKEND
  const target = rowsOf(ofAny ? { ...test.target, backend: null } : test.target)
  const selected = allOf([rows, target])
  // What is asserted to be absent need not occur.
  const needed = test.measure.kind === 'absent' ? rows : selected
  return { test, ofAny, rows: selected, needs: needsOf(needed) }
}

/** Each name for itself, since `or` needs one alone, and all together. */
function needsOf(rows: Expression | null): readonly Expression[] {
  if (rows === null) return []
  return rows.kind === 'text' ? [rows] : [...namesIn(rows), rows]
}
