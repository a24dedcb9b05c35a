import assert from 'node:assert/strict'
import { totalsOf } from '../../../src/frame/sum/merge.ts'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { NOTHING, type Aggregate } from '../../../src/frame/model/aggregate.ts'
import { parseExpression, parseLasting } from '../../../src/frame/expression/expression-parser.ts'
import { ExpressionError, measureName } from '../../../src/frame/expression/expression.ts'
import type { Backend, Counts, Distribution } from '../../../src/frame/model/frame.ts'
import { bucketOf } from '../../../src/frame/model/histogram.ts'
import { holds, measure, statistic, type Measurable } from '../../../src/frame/expression/measure.ts'
import { matches, selectRows, splitSelection } from '../../../src/frame/expression/selection.ts'
import { micros } from '../../../src/frame/model/units.ts'
import { NO_CONNECTIONS, NO_COUNTS } from '../../../src/frame/model/nothing.ts'
import { sumCounts } from '../../../src/frame/sum/sums.generated.ts'

const backend = (address: string, names: readonly string[] | null = null): Backend => ({
  id: 1,
  address,
  netns: 0,
  names,
})
const route = (method: string, path: string) => ({ id: 1, method, path })
const row = (address: string, method: string, path: string) => ({
  backend: backend(address),
  route: route(method, path),
  outcome: null,
})

function distribution(values: readonly number[]): Distribution {
  const sorted = [...values].sort((a, b) => a - b)
  const buckets = new Map<number, number>()
  for (const value of sorted) {
    const bucket = bucketOf(micros(value))
    buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1)
  }
  return {
    count: sorted.length,
    sum: micros(sorted.reduce((a, b) => a + b, 0)),
    sampled: sorted.length,
    min: sorted.length === 0 ? null : micros(sorted[0]!),
    max: sorted.length === 0 ? null : micros(sorted.at(-1)!),
    buckets: [...buckets].flat(),
  }
}

describe('an expression', () => {
  it('parses the examples of docs and help', () => {
    const selection = splitSelection(
      [parseExpression("backend ~ '10.0.1.' and route = '/checkout' and p99 > 200ms")],
      '',
    )
    assert.ok(selection.rows !== null && selection.lines !== null)
    assert.ok(matches(selection.rows, row('10.0.1.7:80', 'GET', '/checkout')))
    assert.ok(!matches(selection.rows, row('10.0.2.7:80', 'GET', '/checkout')))
    assert.ok(!matches(selection.rows, row('10.0.1.7:80', 'GET', '/checkout/x')))
    assert.equal(
      holds(selection.lines, () => 200_001),
      true,
    )
    assert.equal(
      holds(selection.lines, () => 200_000),
      false,
    )
  })

  it('selects rows by =, !=, ~ and !~, with not, and, or and brackets', () => {
    const test = (text: string): boolean => matches(parseExpression(text), row('a:80', 'GET', '/api/x'))
    for (const text of [
      "route = '/api/x'",
      'route = /api/x',
      'method != POST',
      "route ~ '^/api/'",
      'backend !~ b',
      "not route ~ '^/static'",
      'method = POST or route ~ api',
      '(method = POST or method = GET) and backend = "a:80"',
      'METHOD = GET AND NOT backend = b',
    ]) {
      assert.ok(test(text), text)
      assert.ok(!test(`not (${text})`), `not (${text})`)
    }
  })

  it('selects requests by status: a code, a class, a failure', () => {
    const test = (text: string, outcome: number | 'reset'): boolean =>
      matches(parseExpression(text), { ...row('a:80', 'GET', '/'), outcome })
    assert.ok(test('status = 503', 503))
    assert.ok(test('status >= 500', 503))
    assert.ok(test('status = 5xx', 503) && !test('status != 5xx', 503) && !test('status = 5xx', 404))
    assert.ok(
      test('status = reset', 'reset') && !test('status >= 100', 'reset') && test('status != 200', 'reset'),
    )
  })

  it('narrows one measure to a route, a backend, or both', () => {
    const target = (text: string) => {
      const expression = parseExpression(text)
      return expression.kind === 'measure' ? expression.target : null
    }
    assert.deepEqual(target('p99(/checkout) < 1s'), { backend: null, method: null, route: '/checkout' })
    assert.deepEqual(target('p99(10.0.1.10:8080 /checkout) < 1s'), {
      backend: '10.0.1.10:8080',
      method: null,
      route: '/checkout',
    })
    assert.deepEqual(target('5xx([fd00::1]:8080) < 1%'), {
      backend: '[fd00::1]:8080',
      method: null,
      route: null,
    })
    assert.deepEqual(target('rps(POST "/a (b)") > 1/s'), { backend: null, method: 'POST', route: '/a (b)' })
  })

  it('takes * for any one backend, alone or before a route; behind a method or a backend it is a route', () => {
    const targetOf = (text: string): unknown => {
      const expression = parseExpression(text)
      return expression.kind === 'measure' && expression.target
    }
    assert.deepEqual(targetOf('5xx(*) > 5%'), { backend: '*', method: null, route: null })
    assert.deepEqual(targetOf('5xx(* POST /a) > 5%'), { backend: '*', method: 'POST', route: '/a' })
    assert.deepEqual(targetOf('5xx(OPTIONS *) > 5%'), { backend: null, method: 'OPTIONS', route: '*' })
    assert.deepEqual(targetOf("5xx('*') > 5%"), { backend: null, method: null, route: '*' })
    assert.deepEqual(targetOf('5xx(10.0.1.10:80 *) > 5%'), {
      backend: '10.0.1.10:80',
      method: null,
      route: '*',
    })
    assert.throws(() => parseExpression('absent(*)'), /absent is of a backend or a route/)
  })

  it('compares with the very number that is written, so that a share at the limit is at it', () => {
    const holdsOf = (text: string, value: number): unknown => holds(parseExpression(text), () => value)
    for (const permille of fc.sample(fc.nat(1000), 300)) {
      const percent = `${Math.floor(permille / 10)}.${permille % 10}%`
      assert.equal(holdsOf(`5xx >= ${percent}`, permille / 1000), true, percent)
      assert.equal(holdsOf(`5xx <= ${percent}`, permille / 1000), true, percent)
    }
    assert.equal(holdsOf('5xx < 57%', 57 / 100), false)
    assert.equal(holdsOf('max <= 1.005ms', 1005), true)
    assert.equal(holdsOf('max = 0.000007s', 7), true)
  })

  it('has "for SPAN" last, where it may have it', () => {
    const spanOf = (text: string): unknown => parseLasting(text).span
    assert.equal(spanOf('5xx > 5%'), null)
    assert.equal(spanOf('5xx(*) > 5% for 10s'), 10e6)
    assert.equal(spanOf('requests > 5 for 1h30m'), 5400e6)
    assert.equal(spanOf('route = /for and p99 > 2s FOR 1m 30s'), 90e6)
    assert.equal(spanOf('absent(/old) for 5m'), 300e6)
    for (const [text, at, words] of [
      ['5xx > 5% for', 12, 'expected a span'],
      ['5xx > 5% for ever', 13, 'expected a span'],
      ['5xx > 5% for 10', 13, 'expected a span'],
      ['5xx > 5% for 0s', 13, 'at least a tick, 1s'],
      ['5xx > 5% for 400ms', 13, 'at least a tick, 1s'],
      ['5xx > 5% for 25h', 13, 'at most 24h'],
      ['5xx > 5% for 10s and rps > 1', 17, 'expected "and", "or" or the end'],
      ['(5xx > 5% for 10s)', 10, 'expected ")"'],
    ] as const) {
      assert.throws(
        () => parseLasting(text),
        (error) => error instanceof ExpressionError && error.message.includes(words) && error.at === at,
        text,
      )
    }
    assert.throws(() => parseExpression('5xx > 5% for 10s'), /"for" is only in record --on/)
  })

  it('knows its units', () => {
    const value = (text: string) => {
      const expression = parseExpression(text)
      return expression.kind === 'measure'
        ? [measureName(expression.measure), expression.quantity.value]
        : null
    }
    assert.deepEqual(value('p99 < 300ms'), ['p99', 300_000])
    assert.deepEqual(value('total.p50 < 1.5s'), ['total.p50', 1_500_000])
    assert.deepEqual(value('connect.max < 250us'), ['connect.max', 250])
    assert.deepEqual(value('header.avg < 250µs'), ['avg', 250])
    assert.deepEqual(value('5xx < 1%'), ['5xx', 0.01])
    assert.deepEqual(value('5xx<3 '), ['5xx', 3])
    assert.deepEqual(value('failures <= 0.5/s'), ['failures', 0.5])
    assert.deepEqual(value('coverage > 99%'), ['coverage', 0.99])
    assert.deepEqual(value('p99 > +20%'), ['p99', 0.2])
    assert.deepEqual(value('5xx > +1pp'), ['5xx', 0.01])
    assert.deepEqual(value('rps < -10'), ['rps', -10])
  })

  it('points at the character of an error', () => {
    for (const [text, at, message] of [
      ['p98 < 1s', 0, '"p98" is no measure'],
      ['5xx < 1% and', 12, 'found the end'],
      ['5xx < 1% backend = a', 9, 'expected "and", "or" or the end'],
      ['p99 < 300', 6, 'needs a unit'],
      ['p99 < 300parsecs', 9, 'expected ms, s, us'],
      ['p99 300ms', 4, 'expected <'],
      ["route ~ '('", 8, 'regular expression'],
      ["route = 'x", 8, "closing '"],
      ['(5xx < 1', 8, 'expected ")"'],
      ['route < /a', 6, 'expected =, !=, ~ or !~'],
      ['status = 99', 9, 'status code'],
      ['coverage > 99', 11, 'percentage'],
      ['coverage(/x) > 99%', 8, 'whole recording'],
      ['requests > 5%', 11, 'requests is a number'],
      ['in_flight < 1/s', 12, 'in_flight is a number'],
      ['p99(/a /b) < 1s', 7, 'a second route'],
      ['p99() < 1s', 4, 'expected a route or a backend'],
      ['', 0, 'found the end'],
    ] as const) {
      assert.throws(
        () => parseExpression(text),
        (error: ExpressionError) => {
          assert.ok(error.message.includes(message), `${text}: ${error.message}`)
          assert.equal(error.at, at, text)
          return true
        },
      )
    }
  })

  it('parses any text or refuses it with a position in it', () => {
    const pieces = fc.constantFrom(
      'p99',
      '5xx',
      'route',
      '(',
      ')',
      ' and ',
      ' or ',
      'not ',
      '<',
      '~',
      '=',
      "'x'",
      '3ms',
      '1%',
      ' ',
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(pieces).map((parts) => parts.join('')),
        ),
        (text) => {
          try {
            parseExpression(text)
          } catch (error) {
            assert.ok(error instanceof ExpressionError)
            assert.ok(error.at >= 0 && error.at <= text.length)
          }
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('refuses to mix rows and measures in one "or"', () => {
    const split = (text: string) => splitSelection([parseExpression(text)], text)
    assert.throws(() => split('p99 > 1s and (route = /a or 5xx > 1%)'), /joined by "and"/)
    assert.throws(() => split('not (route = /a and 5xx > 1%)'), /joined by "and"/)
  })
})

describe('selected rows', () => {
  const counts = (requests: number): Counts => ({
    ...NO_COUNTS,
    requests,
    answered: requests,
    codes: [200, requests],
  })
  const sums = [
    {
      backend: backend('a:80', ['cart']),
      connection: { ...NO_CONNECTIONS, connects: 5, refused: 2 },
      routes: [
        { ...counts(3), route: route('GET', '/x') },
        { ...counts(4), route: route('GET', '/healthz') },
      ],
    },
    {
      backend: backend('b:80'),
      connection: NO_CONNECTIONS,
      routes: [{ ...counts(10), route: route('GET', '/x') }],
    },
  ].map((sum) => ({ ...sum, ...sumCounts(sum.routes) }))
  const aggregate: Aggregate = { ...NOTHING, ticks: 1, backends: sums, totals: totalsOf(sums, NOTHING.loss) }
  const select = (text: string): Aggregate => selectRows(aggregate, parseExpression(text))

  it('have their own totals', () => {
    assert.equal(select('route = /x').totals.requests, 13)
    assert.equal(select('backend = a:80').totals.requests, 7)
    assert.equal(select('backend = cart').totals.requests, 7)
    assert.deepEqual(
      select('route = /healthz').backends.map((sum) => [sum.backend.address, sum.requests]),
      [['a:80', 4]],
    )
    assert.equal(selectRows(aggregate, null), aggregate)
  })
  it("keep a backend's connections unless a route or method is selected", () => {
    assert.equal(select('backend = a:80').totals.connection.refused, 2)
    assert.equal(select('route != /healthz').totals.connection.refused, 2)
    assert.equal(select('route = /x').totals.connection.refused, 0)
  })
  it('do not know of connections what the recording does not know', () => {
    const older = { ...aggregate, loss: { ...aggregate.loss, holes: null } }
    const { backends, totals } = selectRows(older, parseExpression('route = /x'))
    assert.deepEqual(
      [...backends, totals].map(({ connection }) => [connection.refused, connection.unreachable]),
      [
        [0, null],
        [0, null],
        [0, null],
      ],
    )
  })
})

describe('a measure', () => {
  const line: Measurable = {
    ...NO_COUNTS,
    requests: 100,
    answered: 90,
    codes: [200, 80, 404, 4, 500, 5, 503, 1],
    failures: { reset: 4, closed: 3, aborted: 2, unanswered: 1 },
    header: distribution([1000, 2000, 3000, 40_000]),
    connection: { ...NO_CONNECTIONS, refused: 6, connectTimeout: 4 },
  }
  const span = { length: micros(10e6), coverage: 0.5 }
  const value = (text: string): number | null => {
    const expression = parseExpression(text)
    assert.ok(expression.kind === 'measure')
    return measure(expression.measure, expression.quantity.unit, line, span)
  }
  it('has the base that docs/NUMBERS.md gives it', () => {
    assert.equal(value('5xx > 1'), 6)
    assert.equal(value('5xx > 1%'), 6 / 90)
    assert.equal(value('5xx > 1/s'), 0.6)
    assert.equal(value('failures > 1'), 20)
    assert.equal(value('failures > 1%'), 20 / 110)
    assert.equal(value('rps > 1'), 10)
    assert.equal(value('coverage > 1%'), 0.5)
    assert.equal(value('avg > 1ms'), 11_500)
    assert.equal(value('max > 1ms'), 40_000)
    assert.equal(value('total.p99 > 1ms'), null)
    assert.equal(value('connect.p99 > 1ms'), null)
  })
  it('of bytes has those of connections that cannot be read; unknown ones are none where there were no such connections', () => {
    const bytes = (connection: Partial<typeof NO_CONNECTIONS>): number | null => {
      const expression = parseExpression('sent_bytes > 1')
      assert.ok(expression.kind === 'measure')
      const of = { ...line, sentBytes: 100, connection: { ...NO_CONNECTIONS, ...connection } }
      return measure(expression.measure, expression.quantity.unit, of, span)
    }
    assert.equal(bytes({ sentBytes: 23 }), 123)
    assert.equal(bytes({ sentBytes: null }), 100)
    assert.equal(bytes({ sentBytes: null, opaque: 1 }), null)
  })
  it('without a value satisfies no comparison, not even a negated one', () => {
    const nothing = (text: string): boolean | null => holds(parseExpression(text), () => null)
    assert.equal(nothing('p99 < 1s'), null)
    assert.equal(nothing('not p99 < 1s'), null)
    assert.equal(nothing('p99 < 1s or p50 < 1s'), null)
  })
  it('p50 to p999 are within 3.2 % of the exact value', () => {
    const latencies = fc.array(fc.integer({ min: 0, max: 3_600_000_000 }), { minLength: 1, maxLength: 300 })
    fc.assert(
      fc.property(
        latencies,
        fc.constantFrom('p50' as const, 'p90' as const, 'p99' as const, 'p999' as const),
        (values, name) => {
          const q = { p50: 0.5, p90: 0.9, p99: 0.99, p999: 0.999 }[name]
          const exact = [...values].sort((a, b) => a - b)[Math.ceil(q * values.length) - 1]!
          const found = statistic(distribution(values), name)!
          assert.ok(Math.abs(found - exact) <= 0.032 * exact, `${found} for ${exact}`)
        },
      ),
    )
  })
})
