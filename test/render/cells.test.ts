/** Cells that every screen shares. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
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
