/** Cells that every screen shares. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { NO_FAILURES } from '../../src/frame/model/counters.generated.ts'
import type { Counts } from '../../src/frame/model/frame.ts'
import { NO_CONNECTIONS, NO_COUNTS } from '../../src/frame/model/nothing.ts'
import { isUnread, protocolOf } from '../../src/frame/model/protocol.ts'
import { micros } from '../../src/frame/model/units.ts'
import { openOf } from '../../src/frame/expression/measure.ts'
import { figures } from '../../src/frame/views/figures.ts'
import { statusCells } from '../../src/render/cells.ts'

const row = (connection: Partial<typeof NO_CONNECTIONS>, requests = 0) => ({
  ...NO_COUNTS,
  requests,
  connection: { ...NO_CONNECTIONS, ...connection },
})
type Row = ReturnType<typeof row>

function status(of: Row, width: number): string {
  const backend = {
    unread: isUnread(of),
    protocol: protocolOf(of),
    opaque: of.connection.opaque,
    openConnections: openOf(of),
  }
  return statusCells(figures(of, micros(1_000_000)), backend, width)
    .map(({ text }) => text)
    .join('')
}

describe('a backend whose requests cannot be read', () => {
  test('says what it speaks, as far as there is room', () => {
    const scgi = row({ connects: 3, scgiConnects: 3 })
    assert.equal(status(scgi, 40), 'requests not readable (scgi)')
    assert.equal(status(scgi, 15), 'unread (scgi)')
    assert.equal(status(scgi, 5), 'scgi')
  })

  test('says how many connections are open, and what passes on them', () => {
    const tls = row({ tlsOpen: 12, sentBytes: 400_000, receivedBytes: 3_000_000 })
    assert.equal(status(tls, 60), 'requests not readable (tls) 12 open 3.4 MB/s')
    assert.equal(status(tls, 30), 'unread (tls) 12 open 3.4 MB/s')
    assert.equal(status(tls, 24), 'tls 12 open 3.4 MB/s')
    assert.equal(status(tls, 15), 'tls 12 open')
    assert.equal(status(tls, 5), 'tls')
    assert.equal(status(row({ refused: 2, tlsOpen: 1 }), 24), 'tls 1 open 2 refused')
  })

  test('has bytes after its connections have ended, though what it spoke is no longer told', () => {
    const ended = row({ receivedBytes: 1000 })
    assert.equal(isUnread(ended), true)
    assert.equal(status(ended, 40), 'requests not readable 1.0 kB/s')
  })

  test('shows its failures first', () => {
    const tls = row({ connects: 3, tlsConnects: 2, otherConnects: 1, refused: 4 })
    assert.equal(status(tls, 60), 'requests not readable (tls) 4 refused')
    assert.equal(status(tls, 15), 'tls 4 refused')
    assert.equal(status(tls, 10), '4 refused')
  })

  test('is none when requests were read, and unknown in older recordings', () => {
    assert.equal(protocolOf(row({ tlsConnects: 9 }, 1)), 'http/1')
    assert.equal(isUnread(row({ tlsConnects: 9 }, 1)), false)
    assert.equal(status(row({ opaque: 2, tlsConnects: null }), 20), 'opaque (TLS/h2)')
  })
})

describe('a gRPC backend', () => {
  const grpc = (statuses: Counts['grpc'], over: Partial<Counts> = {}): Row => ({
    ...row({ h2Requests: 100, grpcRequests: 100 }, 100),
    answered: 100,
    codes: [200, 100],
    grpc: statuses,
    ...over,
  })

  test('shows the names of its statuses, OK first', () => {
    assert.equal(status(grpc([0, 98, 14, 2]), 60), 'OK 98% UNAVAILABLE 2%')
    assert.equal(
      status(grpc([0, 90, 4, 2, 14, 7, 999, 1]), 60),
      'OK 90% UNAVAILABLE 7% DEADLINE_EXCEEDED 2% no status 1%',
    )
    assert.equal(status(grpc([0, 100]), 15), 'OK 100%')
    assert.equal(status(grpc([14, 3]), 15), 'err 100%')
  })

  test('keeps OK and the most frequent error in little room, or says at least that there are errors', () => {
    const many = grpc([0, 90, 4, 2, 14, 7, 999, 1])
    assert.equal(status(many, 40), 'OK 90% UNAVAILABLE 7% no status 1%')
    assert.equal(status(many, 21), 'OK 90% UNAVAILABLE 7%')
    assert.equal(status(many, 20), 'OK 90% err 10%')
    assert.equal(status(many, 15), 'OK 90% err 10%')
    assert.equal(status(many, 8), 'err 10%')
  })

  test('shows its failures, too', () => {
    const failed = grpc([0, 97, 999, 3], {
      answered: 97,
      codes: [200, 97],
      failures: { ...NO_FAILURES, reset: 3 },
    })
    assert.equal(status(failed, 40), 'OK 97% no status 3% 3 reset')
  })

  test('has its status codes where nothing has ended yet, or the statuses are unknown', () => {
    assert.equal(status(grpc([]), 40), '2xx 100%')
    assert.equal(status(grpc(null), 40), '2xx 100%')
  })

  test('has its statuses also where streams end and no request begins', () => {
    const ending = { ...row({ h2Requests: 0, grpcRequests: 0 }), inFlight: 1, grpc: [0, 3, 14, 1] }
    assert.equal(status(ending, 40), 'OK 75% UNAVAILABLE 25%')
  })

  test('is in trouble by its errors, each once', () => {
    const trouble = (of: Row): number => figures(of, micros(1_000_000)).trouble
    assert.equal(trouble(grpc([0, 94, 14, 6])), 0.06)
    assert.equal(
      trouble(
        grpc([0, 94, 999, 6], {
          answered: 97,
          codes: [200, 94, 503, 3],
          failures: { ...NO_FAILURES, reset: 3 },
        }),
      ),
      0.06,
    )
    assert.equal(trouble(grpc([0, 100])), 0)
  })

  test('is one route, too, if most of what ended is gRPC', () => {
    const counts: Counts = {
      ...NO_COUNTS,
      requests: 100,
      answered: 100,
      codes: [200, 100],
      grpc: [0, 98, 14, 2],
    }
    const cells = statusCells(figures(counts, micros(1_000_000)), null, 40)
    assert.equal(cells.map(({ text }) => text).join(''), 'OK 98% UNAVAILABLE 2%')
    const few = figures({ ...counts, grpc: [0, 10] }, micros(1_000_000))
    assert.equal(few.isGrpc, false)
  })

  test('among others shows status codes', () => {
    assert.equal(
      status({ ...grpc([0, 98]), connection: { ...NO_CONNECTIONS, h2Requests: 40, grpcRequests: 40 } }, 40),
      '2xx 100%',
    )
  })
})
