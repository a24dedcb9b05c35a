/** Captures in every form of file and link layer are read alike; what is cut or damaged is read as far as it goes, and said. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { SecondFrame } from '../../../src/frame/model/frame.ts'
import { ofFrame, sumOf } from '../../../src/frame/sum/merge.ts'
import {
  Conversation,
  ENDS6,
  LINKS,
  pcap,
  pcapng,
  threeRequests,
  zstd,
  type Interface,
  type Packet,
} from './conversation.ts'
import { readBytes, readCapture } from './read.ts'

const packets = threeRequests()
const COUNTS = {
  '10.0.1.10:8080 GET /a 200': 1,
  '10.0.1.10:8080 POST /b 404': 1,
  '10.0.1.10:8080 GET /c 503': 1,
  '10.0.1.10:8080 connects': 1,
}

async function assertRead(bytes: Buffer, counts: Readonly<Record<string, number>> = COUNTS): Promise<void> {
  const read = await readBytes(bytes)
  assert.deepEqual(read.counts, counts)
  assert.deepEqual(read.notes, [])
  assert.equal(read.hasBye, true)
}

describe('a pcap file', () => {
  for (const isBigEndian of [false, true])
    for (const isNs of [false, true])
      it(`${isBigEndian ? 'big' : 'little'} endian, in ${isNs ? 'ns' : 'µs'}`, async () => {
        await assertRead(pcap(packets, LINKS.Ethernet, { isBigEndian, isNs }))
      })

  it('keeps the capture’s times', async () => {
    const { frames } = await readBytes(pcap(packets, LINKS.Ethernet, { isNs: true }))
    const [first] = frames.flatMap(({ requests }) => requests)
    // The SYN is at the start, the request 3 ms later; nginx’s clock starts with the connect.
    assert.equal(first!.at, 1_763_820_000_003_000)
    assert.equal(first!.header, 4000)
    assert.equal(frames.length, 2)
  })
})

describe('a link layer', () => {
  for (const [name, link] of Object.entries(LINKS))
    it(name, async () => {
      await assertRead(pcap(packets, link))
    })
  for (const name of ['Ethernet', 'VLAN', 'Linux cooked', 'Linux cooked v2', 'raw IP', 'loopback', 'nflog'])
    it(`${name}, of IPv6`, async () => {
      const six = Object.fromEntries(
        Object.entries(COUNTS).map(([key, n]) => [key.replace('10.0.1.10', '[fd00::2]'), n]),
      )
      await assertRead(pcap(threeRequests(ENDS6), LINKS[name]), six)
    })

  it('that is not known is said', async () => {
    await assert.rejects(
      readBytes(pcap(packets, [147, ({ ip }) => ip])),
      /no packet that can be read: 13 packets, 13 of/,
    )
  })
})

describe('a pcapng file', () => {
  const ethernet = LINKS.Ethernet!
  for (const isBigEndian of [false, true])
    it(`${isBigEndian ? 'big' : 'little'} endian`, async () => {
      await assertRead(pcapng(packets, [{ link: ethernet }], { isBigEndian }))
    })

  const resolutions: Readonly<Record<string, Omit<Interface, 'link'>>> = {
    ns: { resolution: 9, perSecond: 1_000_000_000n },
    'ps since another time': {
      resolution: 12,
      perSecond: 1_000_000_000_000n,
      offsetSeconds: 1_763_000_000,
    },
    ms: { resolution: 3, perSecond: 1000n },
    '2^-20 s': { resolution: 0x80 | 20, perSecond: 1n << 20n },
    '2^-32 s': { resolution: 0x80 | 32, perSecond: 1n << 32n },
    'µs since another time': { offsetSeconds: 1_700_000_000 },
  }
  for (const [name, of] of Object.entries(resolutions))
    for (const isBigEndian of [false, true])
      it(`times in ${name}, ${isBigEndian ? 'big' : 'little'} endian`, async () => {
        const bytes = pcapng(packets, [{ link: ethernet, ...of }], { isBigEndian })
        await assertRead(bytes)
        const { frames } = await readBytes(bytes)
        const [first] = frames.flatMap(({ requests }) => requests)
        assert.ok(Math.abs(first!.at - 1_763_820_000_003_000) <= 1, String(first!.at))
      })

  it('several interfaces, with link layers and resolutions of their own', async () => {
    const interfaces = [
      { link: ethernet },
      { link: LINKS['Linux cooked']!, resolution: 9, perSecond: 1_000_000_000n },
      { link: LINKS['raw IP']! },
    ]
    await assertRead(pcapng(packets, interfaces, { of: (index) => index % 3 }))
  })

  it('several sections', async () => {
    const [first, second] = [packets.slice(0, 7), packets.slice(7)]
    await assertRead(
      Buffer.concat([
        pcapng(first, [{ link: LINKS.VLAN! }], { isBigEndian: true }),
        pcapng(second, [{ link: LINKS['raw IP']! }]),
      ]),
    )
  })

  for (const kind of ['simple', 'obsolete'] as const)
    it(`${kind} packets`, async () => {
      const read = await readBytes(pcapng(packets, [{ link: ethernet }], { kind }))
      assert.deepEqual(read.counts, COUNTS)
    })
})

describe('a capture that is packed', () => {
  it('by gzip', async () => {
    await assertRead(gzipSync(pcap(packets)))
  })
  it('by zstd', async () => {
    await assertRead(zstd(pcap(packets)))
    await assert.rejects(readBytes(zstd(pcap(packets)).subarray(0, 600)), /it cannot be unpacked any further/)
  })
  it('by gzip, and torn', async () => {
    const many = Array.from({ length: 200 }, (_, i) =>
      threeRequests({ ...ENDS_OF, clientPort: 20_000 + i }),
    ).flat()
    const packed = gzipSync(pcap(many), { level: 1 })
    const { counts, notes } = await readBytes(packed.subarray(0, packed.length - 400))
    assert.ok(counts['10.0.1.10:8080 GET /a 200']! > 100)
    assert.match(notes.join(), /cannot be unpacked any further/)
  })
})

const ofFrames = (frames: readonly SecondFrame[]) => sumOf(frames.map(ofFrame))

const ENDS_OF = { client: '10.0.0.1', server: '10.0.1.10', serverPort: 8080 }

describe('packets that the capture lacks, or has twice', () => {
  it('a connection whose SYN-ACK was not captured has connected, and has not timed out', async () => {
    const one = new Conversation(ENDS6, packets[0]!.at, 0xf000_0000)
      .open()
      .asks('GET /a HTTP/1.1\r\nHost: x\r\n\r\n')
      .answers('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
      .acknowledges()
      .waits(9000)
      .close().packets
    const { counts, frames } = await readBytes(pcap([one[0]!, ...one.slice(2)]))
    assert.deepEqual(counts, { '[fd00::2]:8080 GET /a 200': 1, '[fd00::2]:8080 connects': 1 })
    assert.equal(
      frames.flatMap(({ connections }) => connections).reduce((sum, row) => sum + row.connectTimeout, 0),
      0,
    )
  })
  it('a SYN that nobody answers is a connect timeout', async () => {
    const later = new Conversation(ENDS6, packets[0]!.at + 9_000_000_000n).open().packets
    const { frames } = await readBytes(pcap([packets[0]!, ...later], LINKS['raw IP']))
    const timeouts = frames.flatMap(({ connections }) => connections.map((row) => row.connectTimeout))
    assert.equal(
      timeouts.reduce((sum, count) => sum + count, 0),
      1,
    )
  })
  it('a packet that two interfaces show is no retransmission', async () => {
    const [number, frameOf] = LINKS['Linux cooked v2']!
    const of = (packet: Packet): Buffer => {
      const frame = frameOf(packet)
      frame.writeUInt32BE(packet.at % 2n === 0n ? 3 : 4, 4)
      return frame
    }
    const twice = packets.flatMap((packet) => [packet, { ...packet, at: packet.at + 1n }])
    const { counts, frames, notes } = await readBytes(pcap(twice, [number, of], { isNs: true }))
    assert.deepEqual([counts, notes], [COUNTS, []])
    const { control, totals } = ofFrames(frames)
    assert.deepEqual([totals.retransmits, control.retransmits], [0, 0])
    assert.equal(control.secondSightings, 7)
  })
})

describe('a capture that is cut or damaged', () => {
  const bytes = pcap(packets)

  it('is read up to its last whole packet', async () => {
    const { counts, notes, hasBye } = await readBytes(bytes.subarray(0, bytes.length - 10))
    assert.deepEqual(counts, COUNTS)
    assert.deepEqual(notes, ['the capture is read up to packet 12: it ends within a packet'])
    assert.equal(hasBye, true)
  })
  it('a length that cannot be', async () => {
    const damaged = Buffer.from(bytes)
    damaged.writeUInt32LE(0x7fff_ffff, 24 + 8)
    await assert.rejects(readBytes(damaged), /a packet is longer than any can be/)
  })
  it('is no capture', async () => {
    await assert.rejects(readBytes(Buffer.alloc(100, 'x')), /it is no capture: neither pcap nor pcapng/)
    await assert.rejects(readBytes(Buffer.alloc(0)), /it is empty/)
    await assert.rejects(readBytes(Buffer.from('abc')), /it is too short for a capture/)
  })
  it('packets of which only the beginning was captured: heads are read, and it is said', async () => {
    const { counts, notes } = await readBytes(pcap(packets, LINKS.Ethernet, { snapLength: 14 + 40 + 50 }))
    assert.deepEqual(counts, COUNTS)
    assert.match(notes.join(), /^\d+ packets were captured in part/)
  })
  it('a head that was captured in part: its request has its outcome, and those behind it are read', async () => {
    const { counts, frames } = await readBytes(pcap(packets, LINKS.Ethernet, { snapLength: 14 + 40 + 42 }))
    assert.deepEqual(counts, COUNTS)
    const { loss, control } = ofFrames(frames)
    assert.equal(control.requests, 3)
    assert.equal(control.unseen, 0)
    assert.equal(loss.halfSeen, 0)
  })
  it('a request line that was captured in part is a loss, and it is said', async () => {
    const { counts, frames, notes } = await readBytes(
      pcap(packets, LINKS.Ethernet, { snapLength: 14 + 40 + 14 }),
    )
    assert.deepEqual(counts, { '10.0.1.10:8080 connects': 1 })
    assert.equal(ofFrames(frames).loss.ambiguous, 3)
    assert.match(notes.join(), /3 requests are not read: only the beginning/)
  })
  it('headers alone: nothing is claimed', async () => {
    const { counts, notes } = await readBytes(pcap(packets, LINKS.Ethernet, { snapLength: 14 + 40 }))
    assert.deepEqual(counts, { '10.0.1.10:8080 connects': 1 })
    assert.match(notes.join(), /packets were captured in part/)
  })
})

describe('a capture that arrives while it is made', () => {
  it('has ticks also where no packet comes', async () => {
    const now = BigInt(Date.now()) * 1_000_000n
    const asked = new Conversation(ENDS6, now).open().asks('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n').packets
    async function* arriving(): AsyncGenerator<Uint8Array> {
      yield pcap(asked)
      await sleep(3200)
    }
    const { frames } = await readCapture('-', {}, arriving())
    assert.ok(frames.length >= 3, `${frames.length} ticks`)
    const open = frames.flatMap(({ traffic }) =>
      traffic.map(({ inFlight, oldest }) => [inFlight, oldest] as const),
    )
    assert.ok(open.length >= 3 && open.every(([inFlight]) => inFlight === 1), JSON.stringify(open))
    assert.ok(open.at(-1)![1] > 1_500_000, JSON.stringify(open))
  })
})
