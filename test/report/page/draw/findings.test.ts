import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { findingsPath } from '../../../../src/report/page/draw/findings.ts'
import type { PageFinding } from '../../../../src/report/picture/facts.ts'
import type { Picture } from '../../../../src/report/picture/picture.ts'
import { line } from './line.ts'

const PICTURE = { from: 100, to: 200, starts: [[0, 100]], step: 10, count: 10 } as unknown as Picture

const finding = (rest: Partial<PageFinding>): PageFinding => ({
  kind: 'slow_down',
  from: 120,
  to: 135,
  what: '',
  backend: 'a:1',
  route: 'GET /a',
  ...rest,
})

const pathOf = (
  subject: { backend: string; route: string | null } | null,
  ...findings: PageFinding[]
): string => findingsPath(line(10, {}, { subject }), findings, PICTURE, 8)

describe('the band of a finding', () => {
  it('is behind all traffic, its backend, and its route there', () => {
    const band = 'M2 0H3.5V8H2Z'
    assert.equal(pathOf(null, finding({ backend: null })), band)
    assert.equal(pathOf({ backend: 'a:1', route: null }, finding({})), band)
    assert.equal(pathOf({ backend: 'a:1', route: 'GET /a' }, finding({})), band)
  })

  it('is behind no other backend and route', () => {
    assert.equal(pathOf({ backend: 'b:1', route: null }, finding({}), finding({ backend: null })), '')
    assert.equal(pathOf({ backend: 'a:1', route: 'GET /b' }, finding({})), '')
    assert.equal(pathOf({ backend: 'a:1', route: 'GET /a' }, finding({ route: null })), '')
  })

  it('ends with the picture, and is none of a gap or beside it', () => {
    assert.equal(pathOf(null, finding({ from: 50, to: 110 })), 'M0 0H1V8H0Z')
    assert.equal(pathOf(null, finding({ kind: 'gap' }), finding({ from: 200, to: 210 })), '')
  })
})
