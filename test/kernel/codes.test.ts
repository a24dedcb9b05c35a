/**
 * A backend that uses 800 status codes: the first 40 of a route are counted one by one, the others by class, and no count is
 * lost.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { buildHelper } from './lab/build.ts'
import { assertEqualsTruth } from './lab/compare.ts'
import { Cable, range } from './lab/network.ts'
import type { Rules, TruthRow } from './lab/protocol.ts'
import { lacking } from './lab/system.ts'
import { watch } from './lab/watch.ts'

const [FAR, INLINE, BLOCK] = ['10.77.0.2', 8, 32]
const CODES = range(200, 999)

describe('unusual status codes', { skip: lacking('make') }, () => {
  let cable: Cable
  let port = 8790
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-codes-'))
  before(async () => (cable = await Cable.create()))
  after(async () => {
    rmSync(folder, { recursive: true })
    await cable.remove()
  })

  /** Each code twice on each of two routes, one route after the other. */
  async function recordCodes(routes: readonly string[], program?: string) {
    port++
    const rules: Rules = Object.fromEntries(
      routes.flatMap((route) =>
        CODES.map((code) => [
          `/${route}/${code}`,
          { steps: [{ send: `HTTP/1.1 ${code} Invented\r\nContent-Length: 0\r\n\r\n` }] },
        ]),
      ),
    )
    await cable.far.call('listen', { address: FAR, port, rules })
    return watch(
      cable.proxy.namespace,
      async (helper) => {
        for (const route of routes)
          for (let round = 0; round < 2; round++) {
            const requests = CODES.map((code) => `GET /${route}/${code} HTTP/1.1\r\nHost: x\r\n\r\n`)
            await cable.proxy.call('ask', { address: FAR, port, requests, connections: 1 })
            await helper.nextFrame()
          }
      },
      [],
      program,
    )
  }

  /** The expected row when there is room for so many codes. */
  function expectedRow(room: number): TruthRow {
    const codes: Record<string, number> = {}
    let found = 0
    for (const code of CODES) {
      const isOwn = code % 100 !== 90 && found < room
      if (isOwn) found++
      const shown = isOwn ? code : Math.floor(code / 100) * 100 + 90
      codes[shown] = (codes[shown] ?? 0) + 2
    }
    return { requests: 2 * CODES.length, codes }
  }

  test('forty codes per route are counted one by one, and all others by class', async () => {
    const seen = await recordCodes(['one', 'two'])
    assertEqualsTruth(seen, {
      [`${FAR}:${port} GET /one/:id`]: expectedRow(INLINE + BLOCK),
      [`${FAR}:${port} GET /two/:id`]: expectedRow(INLINE + BLOCK),
    })
  })

  test('a route without a block for rare codes loses no count', async () => {
    const program = await buildHelper(folder, '-DMAX_BLOCKS=2')
    const seen = await recordCodes(['one', 'two'], program)
    assertEqualsTruth(seen, {
      [`${FAR}:${port} GET /one/:id`]: expectedRow(INLINE + BLOCK),
      [`${FAR}:${port} GET /two/:id`]: expectedRow(INLINE),
    })
  })
})
