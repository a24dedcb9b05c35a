import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseExpression } from '../../../src/frame/expression/expression-parser.ts'
import { EVERYTHING } from '../../../src/frame/expression/selection.ts'
import { addMicros } from '../../../src/frame/model/units.ts'
import { BY_REQUESTS } from '../../../src/report/data/order.ts'
import { summarise } from '../../../src/report/data/summary.ts'
import { DIFFERENCE_FORMATS } from '../../../src/report/gates/difference-formats.ts'
import { differenceOf } from '../../../src/report/gates/difference.ts'
import { Evidence } from '../../../src/report/gates/evidence.ts'
import { incident, START } from '../fake.ts'

const recording = incident()
const side = (from: number, to: number): Evidence =>
  new Evidence(
    [recording],
    summarise([recording], {
      range: { from: addMicros(START, from * 1e6), to: addMicros(START, to * 1e6) },
      selection: EVERYTHING,
      order: BY_REQUESTS,
      top: null,
    }),
  )
const page = (...gates: string[]): string =>
  DIFFERENCE_FORMATS.html(
    differenceOf(
      side(0, 60),
      side(120, 180),
      gates.map((text) => ({ text, expression: parseExpression(text) })),
    ),
    'Europe/Berlin',
  )

describe('a difference as a page', () => {
  it('begins with the gates: how many failed, and what was measured', () => {
    assert.match(page('p99 > +20%', '5xx > 90%'), /<h1>1 of 2 gates failed<\/h1>/)
    assert.match(page('5xx > 90%'), /<h1>All gates hold<\/h1>/)
    assert.match(page('p99 > +20%'), /<td class="bad">FAIL<\/td><td><code>p99 &#62; \+20%<\/code>/)
  })

  it('has what was and what is as bars, and what could be chance in quiet', () => {
    const backends = /<h2>Backends<\/h2>[^]*?<\/section>/.exec(page())?.[0] ?? ''
    assert.match(backends, /class="bar before"/)
    assert.match(backends, /<td align="right" class="bad">\+4\d\d%<\/td>/)
    assert.match(backends, /<td align="right" class="zero">≈/)
    assert.match(backends, /<td align="right" class="zero">=<\/td>/)
  })

  it('has no script, and a policy without one', () => {
    const html = page()
    assert.ok(!html.includes('<script'))
    assert.match(
      html,
      /content="default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'; form-action 'none'"/,
    )
  })

  it('escapes names from the network', () => {
    assert.ok(page().includes('&#60;img src=x onerror=alert(1)&#62;'))
    assert.ok(!page().includes('<img'))
  })
})
