/** Recursive-descent parser of expressions: one function per rule of the grammar. */
import { FAILURE_KINDS } from '../model/frame.ts'
import type { Micros } from '../model/units.ts'
import { parseDuration } from '../time/time.ts'
import { Cursor } from './cursor.ts'
import {
  ANY_BACKEND,
  COUNTS,
  SHARES,
  ExpressionError,
  STATISTICS,
  TEXT_FIELDS,
  type Comparison,
  type Expression,
  type Measure,
  type MeasureTest,
  type Quantity,
  type StatusTest,
  type Target,
  type TextField,
  type TextTest,
} from './expression.ts'
import { nearestOf } from './nearest.ts'

/** @throws ExpressionError */
export function parseExpression(text: string): Expression {
  const cursor = new Cursor(text)
  const expression = readOr(cursor)
  if (cursor.follows(FOR)) throw cursor.error('"for" is only in record --on: expected "and", "or" or the end')
  return ended(cursor, expression)
}

/** The same with `for SPAN` at its end, or without: `span` is null. @throws ExpressionError */
export function parseLasting(text: string): {
  readonly expression: Expression
  readonly span: Micros | null
} {
  const cursor = new Cursor(text)
  const expression = readOr(cursor)
  const span = cursor.takeWord('for') ? readSpan(cursor) : null
  return ended(cursor, { expression, span })
}

const FOR = /for\b/iy

function ended<T>(cursor: Cursor, value: T): T {
  if (!cursor.ended) throw cursor.error('expected "and", "or" or the end')
  return value
}

/** µs: no less than a tick; what a trigger remembers of its past is bounded, too. */
const [SHORTEST_SPAN, LONGEST_SPAN] = [1_000_000, 86_400_000_000]

function readSpan(cursor: Cursor): Micros {
  const at = cursor.start
  const span = parseDuration(cursor.match(/\d[\d.dhms]*( +\d[\d.dhms]*)*/y) ?? '')
  if (span === null)
    throw new ExpressionError('expected a span such as 10s or 5m after "for"', cursor.text, at)
  if (span < SHORTEST_SPAN || span > LONGEST_SPAN)
    throw new ExpressionError('a span after "for" is at least a tick, 1s, and at most 24h', cursor.text, at)
  return span
}

const readOr = (cursor: Cursor): Expression =>
  readChain(cursor, 'or', () => readChain(cursor, 'and', () => readNot(cursor)))

function readChain(cursor: Cursor, kind: 'and' | 'or', next: () => Expression): Expression {
  const at = cursor.start
  const parts = [next()]
  while (cursor.takeWord(kind)) parts.push(next())
  return parts.length === 1 ? parts[0]! : { kind, parts, at }
}

function readNot(cursor: Cursor): Expression {
  const at = cursor.start
  if (cursor.takeWord('not')) return { kind: 'not', part: readNot(cursor), at }
  if (!cursor.take('(')) return readTest(cursor)
  const inner = readOr(cursor)
  if (!cursor.take(')')) throw cursor.error('expected ")"')
  return inner
}

function readTest(cursor: Cursor): Expression {
  const at = cursor.start
  const word = cursor.match(/[A-Za-z0-9_.]+/y)
  if (word === null)
    throw cursor.error('expected backend, upstream, method, route or a measure such as p99 or 5xx')
  const name = word.toLowerCase()
  const field = TEXT_FIELDS.find((known) => known === name)
  if (field !== undefined) return readTextTest(cursor, field, at)
  if (name === 'status') return readStatusTest(cursor, at)
  if (name === 'absent') return readAbsent(cursor, at)
  const measure = measureNamed(name)
  if (measure === null) throw new ExpressionError(`"${word}" is no measure${nearest(name)}`, cursor.text, at)
  return readMeasureTest(cursor, measure, at)
}

function readTextTest(cursor: Cursor, field: TextField, at: number): TextTest {
  const operator = cursor.match(/!~|!=|==?|~/y)
  if (operator === null) throw cursor.error(`expected =, !=, ~ or !~ after ${field}`)
  const valueAt = cursor.start
  const value = cursor.quoted() ?? cursor.match(/[^\s()'"]+/y)
  const article = field === 'upstream' ? 'an' : 'a'
  if (value === null) throw cursor.error(`expected ${article} ${field}, as in ${field} = '…'`)
  const negated = operator.startsWith('!')
  return {
    kind: 'text',
    field,
    negated,
    value: operator.includes('~') ? pattern(cursor, value, valueAt) : value,
    at,
  }
}

function pattern(cursor: Cursor, source: string, at: number): RegExp {
  try {
    return new RegExp(source, 'u')
  } catch {
    throw new ExpressionError('this is no regular expression', cursor.text, at)
  }
}

function readStatusTest(cursor: Cursor, at: number): StatusTest {
  const comparison = readComparison(cursor)
  const valueAt = cursor.start
  const word = cursor.quoted() ?? cursor.match(/[A-Za-z0-9]+/y)
  if (word !== null && /^[1-9]\d\d$/.test(word)) {
    return { kind: 'status', comparison, value: { low: Number(word), high: Number(word) }, at }
  }
  const equality = comparison === '=' || comparison === '!='
  if (word !== null && equality && /^[1-5]xx$/i.test(word)) {
    const low = Number(word[0]) * 100
    return { kind: 'status', comparison, value: { low, high: low + 99 }, at }
  }
  const failure = FAILURE_KINDS.find((kind) => kind === word)
  if (failure !== undefined && equality) return { kind: 'status', comparison, value: { failure }, at }
  throw new ExpressionError('expected a status code such as 503', cursor.text, valueAt)
}

function readMeasureTest(cursor: Cursor, measure: Measure, at: number): MeasureTest {
  const targetAt = cursor.start
  const target = cursor.take('(') ? readTarget(cursor) : null
  if (target !== null && measure.kind === 'coverage') {
    throw new ExpressionError('coverage is of the whole recording', cursor.text, targetAt)
  }
  const comparison = readComparison(cursor)
  const quantityAt = cursor.start
  const quantity = readQuantity(cursor)
  const wrong = wrongUnit(measure, quantity)
  if (wrong !== null) throw new ExpressionError(wrong, cursor.text, quantityAt)
  return { kind: 'measure', measure, target, comparison, quantity, at }
}

function readAbsent(cursor: Cursor, at: number): MeasureTest {
  const targetAt = cursor.start
  if (!cursor.take('(')) throw cursor.error('expected a route or a backend in brackets, as in absent(/old)')
  const target = readTarget(cursor)
  if (target.backend === ANY_BACKEND)
    throw new ExpressionError('absent is of a backend or a route, not of any', cursor.text, targetAt)
  const quantity: Quantity = { value: 1, unit: 'none', change: false, text: '1' }
  return {
    kind: 'measure',
    measure: { kind: 'absent' },
    target,
    comparison: '=',
    quantity,
    at,
  }
}

/** `/checkout`, `POST /checkout`, `10.0.1.10:8080`, `10.0.1.10:8080 /checkout`, a quoted route, or `*` for any one backend, also before a route. */
function readTarget(cursor: Cursor): Target {
  let target: Target = { backend: null, method: null, route: null }
  if (cursor.follows(/\)/y)) throw cursor.error('expected a route or a backend')
  while (!cursor.take(')')) {
    const at = cursor.start
    const quoted = cursor.quoted()
    const word = quoted ?? cursor.match(/[^\s()]+/y)
    if (word === null) throw cursor.error('expected a route, a backend or ")"')
    const field = quoted !== null ? 'route' : fieldOf(word, target)
    if (target[field] !== null) throw new ExpressionError(`a second ${field}`, cursor.text, at)
    target = { ...target, [field]: word }
  }
  return target
}

/** `*` is a route behind a method or a backend: `OPTIONS *`. */
function fieldOf(word: string, { backend, method }: Target): keyof Target {
  if (word === ANY_BACKEND) return backend === null && method === null ? 'backend' : 'route'
  if (/^(\/|OTHER$)/.test(word)) return 'route'
  return /^[A-Z]+$/.test(word) ? 'method' : 'backend'
}

function readComparison(cursor: Cursor): Comparison {
  const operator = cursor.match(/<=|>=|!=|==?|<|>/y)
  if (operator === null) throw cursor.error('expected <, <=, >, >=, = or !=')
  return operator === '==' ? '=' : (operator as Comparison)
}

/** The power of ten that leads to the base unit. It is read with the number: 57 * 0.01 is more than 57 of 100. */
const UNITS = {
  '': ['none', 0],
  us: ['duration', 0],
  µs: ['duration', 0],
  ms: ['duration', 3],
  s: ['duration', 6],
  '%': ['percent', -2],
  pp: ['points', -2],
  '/s': ['rate', 0],
} as const satisfies Record<string, readonly [Quantity['unit'], number]>

function readQuantity(cursor: Cursor): Quantity {
  const number = cursor.match(/[+-]?\d+(\.\d+)?/y)
  if (number === null) throw cursor.error('expected a number')
  const unitAt = cursor.start
  const word = cursor.match(/µs|us|ms|s(?![A-Za-z])|%|pp|\/s/y) ?? ''
  if (word === '' && cursor.follows(/[A-Za-z%µ/]/y) && !cursor.follows(/(and|or|for)\b/y)) {
    throw new ExpressionError('expected ms, s, us, %, /s or pp', cursor.text, unitAt)
  }
  const [unit, exponent] = UNITS[word as keyof typeof UNITS]
  return { value: Number(`${number}e${exponent}`), unit, change: /^[+-]/.test(number), text: number + word }
}

/** The error for a unit that does not fit. A latency without a unit would be ambiguous: milliseconds or seconds. */
function wrongUnit(measure: Measure, { unit, change, value }: Quantity): string | null {
  if (change && unit === 'percent') return null
  switch (measure.kind) {
    case 'latency':
      return unit === 'duration' ? null : 'a latency needs a unit: 300ms, 300us or 0.3s'
    case 'absent':
      return null
    case 'rps':
      return unit === 'none' || unit === 'rate' ? null : 'rps is a number, or a number with /s'
    case 'coverage':
      if (unit === 'percent' || unit === 'points') return null
      return unit === 'none' && Math.abs(value) <= 1 ? null : 'coverage is a percentage: 99%'
    case 'count':
      if (measure.name === 'in_flight') return unit === 'none' ? null : 'in_flight is a number'
      if (unit === 'none' || unit === 'rate') return null
      if (!SHARES.includes(measure.name)) return `${measure.name} is a number, or a number with /s`
      return unit === 'percent' || (unit === 'points' && change)
        ? null
        : `${measure.name} is a number, %, or /s`
  }
}

/** A measure by its name: `5xx`, `p99`, `total.p50`. */
export function measureNamed(name: string): Measure | null {
  if (name === 'rps' || name === 'coverage') return { kind: name }
  const count = COUNTS.find((known) => known === name)
  if (count !== undefined) return { kind: 'count', name: count }
  const [clock, word] = name.includes('.') ? name.split('.', 2) : ['header', name]
  const statistic = STATISTICS.find((known) => known === word)
  if (statistic === undefined || (clock !== 'header' && clock !== 'total' && clock !== 'connect')) return null
  return { kind: 'latency', clock, statistic }
}

function nearest(name: string): string {
  const known = [...TEXT_FIELDS, 'status', 'rps', 'coverage', 'absent', ...COUNTS, ...STATISTICS]
  const close = nearestOf(name, known)
  return close === null ? '' : `; did you mean "${close}"?`
}
