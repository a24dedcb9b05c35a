/** Captures of which any packets are missing: an exchange that is whole counts, with its own code; no other code is ever told. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { Conversation, pcap, START, type Packet } from './conversation.ts'
import { readBytes } from './read.ts'

const CHUNKS = `${`64\r\n${'c'.repeat(100)}\r\n`.repeat(5)}0\r\n\r\n`
const ANSWERS = {
  200: 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n',
  201: 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n',
  204: 'HTTP/1.1 204 No Content\r\n\r\n',
  206: 'HTTP/1.1 206 Partial Content\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  304: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n',
  404: `HTTP/1.1 404 Not Found\r\nContent-Length: 900\r\n\r\n${'n'.repeat(900)}`,
  500: `HTTP/1.1 500 Internal Server Error\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS}`,
} as const
const DATA = 'z'.repeat(300)
/** What follows the target, segment by segment. */
const REQUESTS = {
  GET: ['Host: x\r\n\r\n'],
  POST: ['Host: x\r\nContent-Length: 600\r\n\r\n', DATA, DATA],
  PUT: [
    'Host: x\r\nTransfer-Encoding: chunked\r\n\r\n',
    ...Array<string>(3).fill(`12c\r\n${DATA}\r\n`),
    '0\r\n\r\n',
  ],
} as const

const EXCHANGE = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PUT'),
  code: fc.constantFrom(200, 201, 204, 206, 304, 404, 500),
  /** where the request's head is cut into two segments; behind a hole, a few bytes would not tell that it is one */
  headCut: fc.option(fc.integer({ min: 8, max: 40 })),
  /** bytes of a segment of the answer */
  segment: fc.constantFrom(60, 150, 1448),
  isAcknowledged: fc.boolean(),
})

type Exchange = typeof EXCHANGE extends fc.Arbitrary<infer Value> ? Value : never

/** The name of a route, which is not taken for an id. */
const nameOf = (n: number): string => `route-${String.fromCharCode(97 + n)}`

const pieces = (text: string, size: number): string[] =>
  Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size))

interface Talk {
  readonly packets: readonly Packet[]
  /** packets before the first exchange */
  readonly first: number
  readonly ranges: readonly { readonly from: number; readonly to: number }[]
}

function talkOf(exchanges: readonly Exchange[]): Talk {
  const talk = new Conversation().open()
  const first = talk.packets.length
  const ranges = exchanges.map(({ method, code, headCut, segment, isAcknowledged }, n) => {
    const from = talk.packets.length
    const [fields, ...body] = REQUESTS[method]
    const head = `${method} /${nameOf(n)} HTTP/1.1\r\n${fields}`
    const heads = headCut === null ? [head] : [head.slice(0, headCut), head.slice(headCut)]
    for (const text of [...heads, ...body]) talk.asks(text)
    for (const text of pieces(ANSWERS[code], segment)) talk.answers(text)
    const to = talk.packets.length
    if (isAcknowledged) talk.acknowledges()
    return { from, to }
  })
  return { packets: talk.close().packets, first, ranges }
}

const EXCHANGES = fc.array(EXCHANGE, { minLength: 5, maxLength: 20 })

/** What is told of an exchange, and of that what is right. */
function toldOf(counts: Readonly<Record<string, number>>, { code }: Exchange, n: number) {
  const told = Object.entries(counts).filter(([key]) => key.includes(` /${nameOf(n)} `))
  return { told, right: told.filter(([key, count]) => key.endsWith(` ${code}`) && count === 1) }
}

it('counts what is whole whatever else is missing', async () => {
  await fc.assert(
    fc.asyncProperty(
      EXCHANGES,
      fc.array(fc.nat({ max: 999 }), { minLength: 1, maxLength: 30 }),
      async (exchanges, losses) => {
        const { packets, first, ranges } = talkOf(exchanges)
        const lost = new Set(losses.map((n) => first + (n % (packets.length - 3 - first))))
        const { counts } = await readBytes(pcap(packets.filter((_, i) => !lost.has(i))))
        for (const [n, { from, to }] of ranges.entries()) {
          const { told, right } = toldOf(counts, exchanges[n]!, n)
          assert.deepEqual(told, right, `exchange ${n}`)
          const isWhole = !Array.from({ length: to - from }, (_, i) => from + i).some((i) => lost.has(i))
          if (isWhole) assert.equal(right.length, 1, `exchange ${n} is whole: ${told.join('; ')}`)
        }
      },
    ),
    { numRuns: 200 },
  )
})

it('tells no other code where packets are missing and neighbours are exchanged', async () => {
  await fc.assert(
    fc.asyncProperty(
      EXCHANGES,
      fc.array(fc.nat({ max: 999 }), { minLength: 1, maxLength: 20 }),
      fc.array(fc.nat({ max: 999 }), { minLength: 1, maxLength: 20 }),
      async (exchanges, losses, swaps) => {
        const { packets, first } = talkOf(exchanges)
        const lost = new Set(losses.map((n) => first + (n % (packets.length - 3 - first))))
        const kept = packets.filter((_, i) => !lost.has(i))
        for (const n of swaps) {
          const at = first + (n % (kept.length - 1 - first))
          ;[kept[at], kept[at + 1]] = [kept[at + 1]!, kept[at]!]
        }
        const inFile = kept.map(({ ip }, n) => ({ ip, at: START + BigInt(n) * 1_000_000n }))
        const { counts } = await readBytes(pcap(inFile))
        for (const [n, exchange] of exchanges.entries()) {
          const { told, right } = toldOf(counts, exchange, n)
          assert.deepEqual(told, right, `exchange ${n}`)
        }
      },
    ),
    { numRuns: 400 },
  )
})
