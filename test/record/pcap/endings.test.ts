/** Each attempt to connect ends once, in whichever order its packets were captured. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ConnectionCounts } from '../../../src/frame/model/frame.ts'
import { ofFrame, sumOf } from '../../../src/frame/sum/merge.ts'
import { Conversation, ENDS, ENDS6, pcap, type Packet } from './conversation.ts'
import { readBytes } from './read.ts'

const GET = 'GET /a HTTP/1.1\r\nHost: x\r\n\r\n'

interface Ended {
  readonly counts: Readonly<Record<string, number>>
  readonly connection: ConnectionCounts
}

async function ended(packets: readonly Packet[]): Promise<Ended> {
  const { frames, counts } = await readBytes(pcap(packets))
  return { counts, connection: sumOf(frames.map(ofFrame)).totals.connection }
}

for (const ends of [ENDS, ENDS6])
  describe(`a connection of ${ends.client}`, () => {
    const backend = ends === ENDS ? '10.0.1.10:8080' : '[fd00::2]:8080'

    it('that ICMP refuses is refused once, also where its SYN is sent again before the error has found it', async () => {
      const talk = new Conversation(ends).opens()
      talk.isUnreachable().waits(1000).repeats(1).isUnreachable().waits(5000)
      const last = new Conversation({ ...ends, clientPort: 50_000 }, talk.packets[0]!.at + 9_000_000_000n)
      const { counts } = await ended([...talk.packets, ...last.open().packets])
      assert.deepEqual(counts, { [`${backend} refused`]: 1, [`${backend} connects`]: 1 })
    })

    it('that ICMP refuses for a moment goes on, and its request counts', async () => {
      const talk = new Conversation(ends).opens().isUnreachable().waits(1000).repeats(1)
      talk.accepts().asks(GET).answers('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
      const { counts, connection } = await ended(talk.close().packets)
      assert.deepEqual(counts, {
        [`${backend} GET /a 200`]: 1,
        [`${backend} connects`]: 1,
        [`${backend} refused`]: 1,
      })
      assert.deepEqual([connection.earlyClose, connection.unreachable], [0, 0])
    })

    it('whose request is captured behind the RST has a request that is reset, and no early close', async () => {
      const { counts, connection } = await ended(new Conversation(ends).open().reset().asks(GET).packets)
      assert.deepEqual(counts, { [`${backend} GET /a reset`]: 1, [`${backend} connects`]: 1 })
      assert.deepEqual([connection.earlyClose, connection.unreachable], [0, 0])
    })

    it('that is reset before a request, and whose ports begin anew, is an early close', async () => {
      const first = new Conversation(ends).open().reset()
      const next = new Conversation(ends, first.packets[0]!.at + 100_000_000n, 9000).open().asks(GET)
      const { counts, connection } = await ended([...first.packets, ...next.packets])
      assert.deepEqual(counts, { [`${backend} connects`]: 2 })
      assert.deepEqual([connection.earlyClose, connection.refused], [1, 0])
    })
  })

describe('the bytes of an answer without a body', () => {
  for (const [method, status] of [
    ['HEAD', '200 OK'],
    ['GET', '204 No Content'],
    ['GET', '304 Not Modified'],
  ])
    it(`end with its head, also where one is sent and called chunked: ${method}, ${status}`, async () => {
      const head = `HTTP/1.1 ${status}\r\nTransfer-Encoding: chunked\r\n\r\n`
      const talk = new Conversation().open().asks(`${method} /a HTTP/1.1\r\n\r\n`)
      talk.answers(head).answers('3\r\nabc\r\n0\r\n\r\n').acknowledges().close()
      const { frames } = await readBytes(pcap(talk.packets))
      const received = sumOf(frames.map(ofFrame)).totals.receivedBytes
      assert.equal(received, head.length)
    })
})

describe('the end of a capture', () => {
  for (const [name, ends] of Object.entries({ IPv4: ENDS, IPv6: ENDS6 }))
    it(`has the open requests of connections that are older than it, over ${name}`, async () => {
      const packets = [1, 2, 3].flatMap(
        (at) => new Conversation({ ...ends, clientPort: 40_000 + at }).asks(GET).packets,
      )
      const { totals } = sumOf((await readBytes(pcap(packets))).frames.map(ofFrame))
      assert.deepEqual([totals.requests, totals.inFlight, totals.sentBytes], [3, 3, 3 * GET.length])
    })
})
