/** A packet that a capture shows several times counts once: at several interfaces, on a mirror port, before NAT and behind it. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ofFrame, sumOf } from '../../../src/frame/sum/merge.ts'
import { Conversation, ENDS, ENDS6, LINKS, pcap, START, type Ends, type Packet } from './conversation.ts'
import { readBytes, type ReadCapture } from './read.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'
const talk = (ends: Ends = ENDS): readonly Packet[] =>
  new Conversation(ends, START, 5000, true)
    .open()
    .asks('GET /a HTTP/1.1\r\nHost: x\r\n\r\n')
    .answers(OK)
    .acknowledges()
    .asks('POST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc')
    .answers(OK)
    .close().packets
const counted = (backend: string): Readonly<Record<string, number>> => ({
  [`${backend} connects`]: 1,
  [`${backend} GET /a 200`]: 1,
  [`${backend} POST /b 200`]: 1,
})
const COUNTS = counted('10.0.1.10:8080')
const NAT = / segments are of connections that the capture shows before NAT and behind it/

function assertOnce({ counts, frames }: ReadCapture, expected = COUNTS): void {
  const { totals, loss } = sumOf(frames.map(ofFrame))
  assert.deepEqual(counts, expected)
  assert.deepEqual([totals.retransmits, totals.connection.retransmits, totals.requests], [0, 0, 2])
  assert.deepEqual(
    Object.values(loss).filter((count) => count !== 0),
    [],
  )
}

/** Each packet once more, so many ns later. */
const twice = (
  packets: readonly Packet[],
  later: bigint,
  change = (packet: Packet): Packet => packet,
): Packet[] => packets.flatMap((packet) => [packet, { ...change(packet), at: packet.at + later }])

describe('a packet that is in a capture twice', () => {
  for (const name of ['Ethernet', 'Linux cooked', 'Linux cooked v2'])
    for (const ends of [ENDS, ENDS6])
      it(`counts once: ${name}, from ${ends.client}`, async () => {
        const counts = ends === ENDS ? COUNTS : counted('[fd00::2]:8080')
        assertOnce(await readBytes(pcap(twice(talk(ends), 50_000n), LINKS[name])), counts)
      })

  it('counts once behind a router, too, or where its identification is the same', async () => {
    const hop = (packet: Packet): Packet => {
      const ip = Buffer.from(packet.ip)
      ip[8]! -= 1
      return { ...packet, ip }
    }
    const slow = talk().map((packet, index) => ({ ...packet, at: packet.at + BigInt(index) * 100_000_000n }))
    assertOnce(await readBytes(pcap(twice(slow, 20_000_000n, hop))))
    for (const [index, { ip }] of slow.entries()) ip.writeUInt16BE(index + 1, 4)
    assertOnce(await readBytes(pcap(twice(slow, 20_000_000n))))
  })

  it('is a retransmission where its sender may have sent it again', async () => {
    const packets = talk().slice(0, 5)
    const again = { ...packets[4]!, at: packets[4]!.at + 200_000_000n }
    const { frames } = await readBytes(pcap([...packets, again]))
    const { totals } = sumOf(frames.map(ofFrame))
    assert.equal(totals.retransmits + totals.connection.retransmits, 1)
  })
})

describe('a connection that a capture shows before NAT and behind it', () => {
  const behind = { client: '10.0.9.9', server: '10.0.1.77', clientPort: 61_000, serverPort: 9001 }
  const both = (from = 0): Packet[] =>
    talk()
      .slice(from)
      .flatMap((packet, index) => [packet, { ...talk(behind)[from + index]!, at: packet.at + 30_000n }])

  it('counts once, as it was seen first', async () => {
    const read = await readBytes(pcap(both()))
    assertOnce(read)
    assert.match(read.notes.join('\n'), NAT)
  })
  it('counts once where it is older than the capture', async () => {
    const { counts } = await readBytes(pcap(both(3)))
    assert.deepEqual(counts, { '10.0.1.10:8080 GET /a 200': 1, '10.0.1.10:8080 POST /b 200': 1 })
  })
  it('counts once where the SYN of a side is missing', async () => {
    for (const side of [0, 1]) {
      const { counts, notes } = await readBytes(pcap(both().filter((_, index) => index !== side)))
      const total = (word: string): number =>
        Object.entries(counts).reduce((sum, [key, count]) => sum + (key.endsWith(word) ? count : 0), 0)
      assert.deepEqual([total(' /a 200'), total(' /b 200'), total(' connects')], [1, 1, 1], `${side}`)
      assert.match(notes.join('\n'), NAT)
    }
  })
  it('is another one where its numbers or its timestamps differ', async () => {
    const other = new Conversation(behind, START + 7_000_000n, 5000, true)
      .open()
      .asks('GET /a HTTP/1.1\r\n\r\n')
      .answers(OK)
    const { counts, notes } = await readBytes(
      pcap([...talk(), ...other.packets].sort((a, b) => Number(a.at - b.at))),
    )
    assert.equal(counts['10.0.1.77:9001 GET /a 200'], 1)
    assert.doesNotMatch(notes.join('\n'), NAT)
  })
})

/** A redirect of this host to a proxy of its own: on lo the answers come from where nginx has connected to. */
describe('answers from another address than the requests went to', () => {
  it('are the answers', async () => {
    const asked = { ...ENDS, server: '127.0.0.1', serverPort: 15_001 }
    const there = talk()
    const packets = talk(asked).map((packet, index) =>
      packet.ip.readUInt16BE(20) === asked.serverPort ? there[index]! : packet,
    )
    assertOnce(await readBytes(pcap(packets)), counted('127.0.0.1:15001'))
  })
})
