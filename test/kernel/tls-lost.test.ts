/** Within TLS, too, what could not be read is said, and costs no more than itself. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { buildHelper } from './lab/build.ts'
import { assertReconciles } from './lab/compare.ts'
import { lackingTls, READ, TlsLab } from './lab/tls-lab.ts'
import { watch } from './lab/watch.ts'

const REQUESTS = 600

describe('what could not be read within TLS', { skip: lackingTls('clang') }, () => {
  const lab = new TlsLab(9600)
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-tls-lost-'))
  after(() => rmSync(folder, { recursive: true, force: true }))

  test('a page that is not in memory is one request or one answer, on a connection that goes on', async () => {
    const program = await buildHelper(folder, '-DFAIL_LOADS=25', ['upstreamtop-tls'])
    const leg = await lab.open()
    await lab.startNginx([leg])
    const seen = await watch(
      lab.cable.proxy.namespace,
      () => lab.ask(leg, ['GET /lost HTTP/1.1\r\nHost: x\r\n\r\n'], REQUESTS),
      READ,
      program,
    )
    assertReconciles(seen)
    const { requests, answered, inFlight, unseen } = seen.sum.totals
    const { ambiguous, unmatchedResponses: unmatched } = seen.final.loss
    assert.ok(ambiguous > 10, `${ambiguous} loads failed`)
    assert.equal(inFlight, 0, 'nothing stays open')
    assert.ok((unseen ?? 0) > 0 && answered + (unseen ?? 0) === requests)
    // What a load that failed costs is said: as ambiguous, or where its request was missed by the answer to it.
    assert.ok(
      answered >= REQUESTS - ambiguous - unmatched,
      `${answered} answered, ${ambiguous} and ${unmatched} said`,
    )
    assert.ok(requests < REQUESTS, 'of some it was the request')
  })
})
