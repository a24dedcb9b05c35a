/** The port for scrapers, with real connections over loopback. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request, type IncomingMessage, type RequestOptions } from 'node:http'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { UserError } from '../../src/errors.ts'
import { formatFor } from '../../src/metrics/accept.ts'
import { serveMetrics } from '../../src/metrics/server.ts'
import type { Series } from '../../src/metrics/series.ts'
import { Totals } from '../../src/metrics/totals.ts'
import { backend, frame, route, START } from '../report/fake.ts'

const BUILD = { version: '0.0.0', kernel: '6.18.0' }

/** Counts how often a page is made. */
class Watched extends Totals {
  pages = new Set<object>()
  made = 0
  override get series(): readonly Series[] {
    this.made++
    return super.series
  }
}

const ROUTES = 200
/** A page of some megabytes: more than the buffers of a connection hold. */
const wideTick = (seq: number) =>
  frame(
    seq,
    START,
    Array.from({ length: ROUTES }, (_, i) => ({
      backend: backend('10.0.0.1:80'),
      route: { ...route('GET', `/r${i}`), id: i },
      times: [1000],
    })),
  )

async function start(t: TestContext) {
  const server = await serveMetrics({ host: '127.0.0.1', port: 0 }, '127.0.0.1:0')
  t.after(server.close)
  const totals = new Watched(BUILD, { byRoute: true, most: 2000 })
  totals.add(wideTick(0))
  const { port } = new URL(server.url)
  return { server, totals, port: Number(port) }
}

async function ask(port: number, options: RequestOptions = {}): Promise<[IncomingMessage, string]> {
  const asked = request({ host: '127.0.0.1', port, path: '/metrics', agent: false, ...options }).end()
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  return [answer, await text(answer)]
}

test('the page is at /metrics, for GET and HEAD, and for nothing else', async (t) => {
  const { server, totals, port } = await start(t)
  assert.equal((await ask(port))[0].statusCode, 503)
  server.show(totals)
  const [answer, page] = await ask(port)
  assert.equal(answer.statusCode, 200)
  assert.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  assert.match(page, /^upstreamtop_build_info\{version="0\.0\.0",kernel="6\.18\.0"\} 1$/m)
  const [head, nothing] = await ask(port, { method: 'HEAD' })
  assert.deepEqual([head.statusCode, head.headers['content-length'], nothing], [200, String(page.length), ''])
  assert.equal((await ask(port, { path: '/metrics?name=x' }))[0].statusCode, 200)
  for (const path of ['/', '/metrics/', '/metricsx', '/..', '//metrics', '*'])
    assert.equal((await ask(port, { path }))[0].statusCode, 404, path)
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']) {
    const [refused] = await ask(port, { method })
    assert.deepEqual([refused.statusCode, refused.headers.allow], [405, 'GET, HEAD'], method)
  }
})

test('who asks for OpenMetrics gets it', async (t) => {
  const { server, totals, port } = await start(t)
  server.show(totals)
  const accept =
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
  const [answer, page] = await ask(port, { headers: { accept } })
  assert.equal(answer.headers['content-type'], 'application/openmetrics-text; version=1.0.0; charset=utf-8')
  assert.ok(page.endsWith('\n# EOF\n'))
  const formats: Readonly<Record<string, string>> = {
    [accept]: 'openmetrics',
    '': 'prometheus',
    '*/*': 'prometheus',
    'text/plain': 'prometheus',
    'application/openmetrics-text': 'openmetrics',
    'application/openmetrics-text; q=0': 'prometheus',
    'text/plain, application/openmetrics-text;q=0.5': 'prometheus',
    'text/plain;q=0.4,Application/OpenMetrics-Text ; charset=utf-8; q=0.5': 'openmetrics',
    ',;;q=,application/openmetrics-text;q=x': 'openmetrics',
  }
  for (const [header, format] of Object.entries(formats)) assert.equal(formatFor(header), format, header)
})

test('a page of a site elsewhere that leads to this port by its name reads nothing', async (t) => {
  const { server, totals, port } = await start(t)
  server.show(totals)
  for (const host of ['evil.example', 'evil.example:9465', '127.0.0.1.evil.example'])
    assert.equal((await ask(port, { headers: { host } }))[0].statusCode, 403, host)
  for (const host of ['127.0.0.1', 'localhost:1', '[::1]:9465', '10.0.0.1:80'])
    assert.equal((await ask(port, { headers: { host } }))[0].statusCode, 200, host)
})

test('a page is made once per tick and format, however many ask', async (t) => {
  const { server, totals, port } = await start(t)
  server.show(totals)
  const scrapes = async (): Promise<number> => {
    const before = totals.made
    await Promise.all(Array.from({ length: 20 }, () => ask(port)))
    return totals.made - before
  }
  const perPage = await scrapes()
  assert.equal(await scrapes(), 0)
  totals.add(wideTick(1))
  assert.equal(await scrapes(), perPage)
})

test('who reads nothing, or says nothing, is cut off, and keeps nobody else out', async (t) => {
  const { server, totals, port } = await start(t)
  server.show(totals)
  const open = (): Socket => connect(port, '127.0.0.1').on('error', () => undefined)
  const slow = open().pause()
  slow.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')
  const half = open()
  half.write('GET /metr')
  const closed = Promise.all([slow, half].map((socket) => once(socket, 'close')))
  assert.equal((await ask(port))[0].statusCode, 200)
  // Its end is seen only when the rest is read.
  setTimeout(() => slow.resume(), 10_500)
  await closed
  assert.ok(slow.bytesRead < Number((await ask(port))[0].headers['content-length']))
  const idle = Array.from({ length: 300 }, open)
  await Promise.all(idle.map((socket) => once(socket, 'connect')))
  assert.equal((await ask(port))[0].statusCode, 200)
  for (const socket of idle) socket.resume()
  while (idle.filter((socket) => !socket.destroyed).length > 64) await pause(20)
  for (const socket of idle) socket.destroy()
})

test('slow readers hold a few pages in memory, not one of every tick', async (t) => {
  const { server, totals, port } = await start(t)
  server.show(totals)
  const readers: Socket[] = []
  for (let tick = 1; tick <= 8; tick++) {
    totals.add(wideTick(tick))
    const reader = connect(port, '127.0.0.1').on('error', () => undefined)
    reader.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await once(reader, 'readable')
    readers.push(reader)
  }
  const size = Number((await ask(port, { method: 'HEAD' }))[0].headers['content-length'])
  const read = await Promise.all(
    readers.map(async (reader) => {
      await text(reader).catch(() => '')
      return reader.bytesRead >= size
    }),
  )
  assert.deepEqual(read, [false, false, false, false, true, true, true, true])
})

test('a port that is taken, or an address of another host, is said', async (t) => {
  const { port } = await start(t)
  const failing = (host: string, at: number): Promise<unknown> =>
    serveMetrics({ host, port: at }, `${host}:${at}`)
  await assert.rejects(failing('127.0.0.1', port), (error: UserError) => {
    assert.equal(error.exitCode, 4)
    assert.match(error.message, /^--metrics "127\.0\.0\.1:\d+": the port is in use$/)
    return true
  })
  await assert.rejects(failing('192.0.2.1', 0), (error: UserError) => error.exitCode === 4)
})
