import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { tableHtml, type TableSection } from '../../../src/report/formats/html-tables.ts'

const table = (cell: string, shares: readonly (number | null)[]): TableSection => ({
  kind: 'table',
  title: 'Backends',
  columns: [
    { title: 'BACKEND', align: 'left', untrusted: true },
    { title: 'FAILED', align: 'right', untrusted: false },
  ],
  rows: [['a:80', cell]],
  note: null,
  drawn: [{ subject: null, bars: [null, 1], shares }],
})
const htmlOf = (cell: string, share: number | null): string => tableHtml(table(cell, [null, share]), null)

describe('what went wrong, in a table of the page', () => {
  it('is loud from a hundredth on', () => {
    assert.match(htmlOf('12', 0.01), /<td align="right" class="bad">12<br><svg class="bar trouble"/)
  })

  it('is no alarm below it: every day has some errors', () => {
    assert.match(htmlOf('332', 0.0006), /<td align="right">332<br><svg class="bar"/)
  })

  it('is loud where nothing tells what it is a part of, and quiet where it is none', () => {
    assert.match(htmlOf('3', null), /class="bad"/)
    assert.match(htmlOf('0', null), /class="zero"/)
  })
})
