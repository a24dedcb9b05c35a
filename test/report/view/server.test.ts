/** Who may ask the server of `view`, and what it says to the others; with real connections over loopback. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { UserError } from '../../../src/errors.ts'
import { listenOption } from '../../../src/report/view/http/listen.ts'
import type { Reply } from '../../../src/report/view/http/reply.ts'
import { serve } from '../../../src/report/view/http/server.ts'
import { fixture, view } from './kit.ts'

const ONE = [fixture('one-tick')]

test('the address holds a token of 192 bits, another one each time', async (t) => {
  const [a, b] = [await view(t, ONE), await view(t, ONE)]
  assert.match(a.url.pathname, /^\/[\w-]{32}\/$/)
  assert.notEqual(a.url.pathname, b.url.pathname)
  assert.equal((await a.ask('')).status, 200)
})

test('without the token there is nothing, whatever is asked for', async (t) => {
  const { ask, url } = await view(t, ONE)
  const token = url.pathname.slice(1, -1)
  const other = token.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))
  for (const path of [
    '/',
    '/facts',
    '//',
    `/${other}/`,
    `/${token.slice(0, -1)}/`,
    `/${token}x/`,
    `/x/../${token}/`,
    `/%2f${token}/`,
    '/?token=' + token,
  ])
    assert.equal((await ask(path)).status, 403, path)
  assert.equal((await ask(`/${token}`)).status, 404, 'its slash is missing')
})

test('a name of another host that leads here reads nothing', async (t) => {
  const { ask } = await view(t, ONE)
  for (const host of [
    'evil.example',
    'evil.example:80',
    '127.0.0.1.evil.example',
    '10.0.0.1',
    'localhost.evil.example',
    '127.0.0.1:99999999',
    'x@127.0.0.1',
    '[::2]',
  ])
    assert.equal((await ask('facts', { headers: { host } })).status, 403, host)
  for (const host of ['127.0.0.1:8080', 'localhost', 'LOCALHOST:1', '[::1]:1'])
    assert.equal((await ask('facts', { headers: { host } })).status, 200, host)
})

test('a page of another site, another port or no site asks in vain; its link may open the page', async (t) => {
  const { ask, url } = await view(t, ONE)
  const own = `http://${url.host}`
  const tried = async (headers: Record<string, string>, path = 'facts') =>
    (await ask(path, { headers })).status
  assert.equal(await tried({ origin: own, host: url.host }), 200)
  for (const origin of ['http://evil.example', 'null', 'https://' + url.host, 'http://127.0.0.1:1', ''])
    assert.equal(await tried({ origin, host: url.host }), 403, origin)
  for (const site of ['same-origin', 'none']) assert.equal(await tried({ 'sec-fetch-site': site }), 200, site)
  for (const site of ['cross-site', 'same-site', 'x']) {
    assert.equal(await tried({ 'sec-fetch-site': site }), 403, site)
    assert.equal(await tried({ 'sec-fetch-site': site, 'sec-fetch-mode': 'no-cors' }, 'page.js'), 403, site)
  }
  const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
  assert.equal(await tried(link, ''), 200)
  assert.equal(await tried(link, 'facts'), 403)
  assert.equal(await tried({ ...link, 'sec-fetch-dest': 'iframe' }, ''), 403)
})

test('only GET and HEAD are answered', async (t) => {
  const { ask } = await view(t, ONE)
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE']) {
    const { status, headers } = await ask('facts', { method })
    assert.deepEqual([status, headers.allow], [405, 'GET, HEAD'], method)
  }
  const [get, head] = [await ask('facts'), await ask('facts', { method: 'HEAD' })]
  assert.deepEqual(
    [head.status, head.body, head.headers['content-length']],
    [200, '', String(get.body.length)],
  )
})

test('every answer forbids what the page does not need', async (t) => {
  const { ask } = await view(t, ONE)
  for (const path of ['', 'page.js', 'page.css', 'facts', 'picture', 'nothing', '/', 'picture?from=x']) {
    const { headers } = await ask(path)
    const policy = String(headers['content-security-policy'])
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ])
      assert.ok(policy.includes(part), `${path}: ${part}`)
    assert.doesNotMatch(policy, /unsafe|\*|https?:/)
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['referrer-policy'], 'no-referrer')
    assert.equal(headers['cache-control'], 'no-store')
    assert.equal(headers['cross-origin-resource-policy'], 'same-origin')
    assert.equal(headers['access-control-allow-origin'], undefined)
  }
})

test('odd questions are answered with what is wrong and what to do, and none is a bug', async (t) => {
  const { ask, bugs } = await view(t, ONE)
  const odd = [
    'picture?from=x',
    'picture?from=1e9',
    'picture?from=NaN',
    'picture?from=9&to=1',
    'picture?from=1&to=2',
    'picture?steps=0',
    'picture?steps=-1',
    'picture?steps=1.5',
    'picture?steps=Infinity',
    'picture?side=1',
    'picture?side=-1',
    'picture?side=0x1',
    'picture?nothing=1',
    'picture?from=1&from=2',
    'picture?where=p99+%3E',
    'picture?where=%00',
    'picture?where=status+%3D+500',
    'picture?where=absent(%2Fx)',
    'picture?sort=nothing',
    'picture?sort=__proto__',
    'picture?__proto__=1',
    'lines',
    'lines?by=minute',
    'lines?by=__proto__',
    'requests?limit=0',
    'requests?where=p99+%3E+1ms',
    'requests?low=a',
    'difference?base=1',
    'difference?base=a..b',
    'difference?where=p99+%3E+1ms',
    'difference?target_side=1',
    `picture?where=${'('.repeat(3000)}`,
    `picture?where=${'('.repeat(1000)}`,
    `picture?where=${'not+'.repeat(900)}x`,
    `facts?side=${'9'.repeat(400)}`,
    'facts?x',
  ]
  for (const path of odd) {
    const { status, body } = await ask(path)
    assert.equal(status, 400, path)
    const { error, remedy } = JSON.parse(body) as { error: string; remedy: string }
    assert.ok(error.length > 0 && typeof remedy === 'string', path)
  }
  for (const path of [
    'nothing',
    '__proto__',
    'constructor',
    'page.js/',
    '../facts',
    'facts/',
    '%66acts',
    '\\',
  ])
    assert.equal((await ask(path)).status, 404, path)
  assert.equal((await ask(`facts?${'x'.repeat(5000)}`)).status, 400)
  assert.equal((await ask('%', {})).status, 404)
  assert.deepEqual(bugs, [])
})

test('an error in an expression points at the character', async (t) => {
  const { ask } = await view(t, ONE)
  const { body } = await ask(`picture?where=${encodeURIComponent("backend ~ 'a' and p99 > 3x")}`)
  const { error, details } = JSON.parse(body) as { error: string; details: string[] }
  assert.match(error, /^where: .*, at character 2\d of /)
  assert.match(details[1]!, /^ +\^$/)
})

test('garbage, and who says nothing, keeps nobody else out', async (t) => {
  const { ask, url, bugs } = await view(t, ONE)
  const open = () =>
    connect(Number(url.port), '127.0.0.1')
      .on('error', () => undefined)
      .resume()
  const garbage = open()
  garbage.write('\x16\x03\x01\x00\xff\r\n\r\n')
  await once(garbage, 'close')
  const idle = Array.from({ length: 300 }, open)
  await Promise.all(idle.map((socket) => once(socket, 'connect')))
  assert.equal((await ask('facts')).status, 200)
  while (idle.filter((socket) => !socket.destroyed).length > 64) await pause(20)
  for (const socket of idle) socket.destroy()
  assert.deepEqual(bugs, [])
})

test('who has no token cannot end the connection of who has', async (t) => {
  const { url } = await view(t, ONE)
  const own = new Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => own.destroy())
  const portOfAsker = async (): Promise<number | undefined> => {
    const [answer] = (await once(get(new URL('facts', url), { agent: own }), 'response')) as [IncomingMessage]
    const { localPort } = answer.socket
    answer.resume()
    await once(answer, 'end')
    return localPort
  }
  const port = await portOfAsker()
  const flood = Array.from({ length: 200 }, () =>
    connect(Number(url.port), '127.0.0.1')
      .on('error', () => undefined)
      .resume(),
  )
  while (flood.filter((each) => !each.destroyed).length > 64) await pause(20)
  assert.equal(await portOfAsker(), port)
  for (const each of flood) each.destroy()
})

test('an answer that takes longer than silence may last is waited for', async (t) => {
  const slow = async (): Promise<Reply> => {
    await pause(400)
    return { status: 200, type: 'json', body: '[]' }
  }
  const server = await serve({ host: '127.0.0.1', port: 0 }, slow, () => undefined, 100)
  t.after(() => server.close())
  assert.equal(await (await fetch(server.url)).text(), '[]')
})

test('a head that comes a letter at a time is not waited for', async (t) => {
  const server = await serve(
    { host: '127.0.0.1', port: 0 },
    () => assert.fail(),
    () => assert.fail(),
    200,
  )
  t.after(() => server.close())
  const slow = connect(Number(new URL(server.url).port), '127.0.0.1').on('error', () => undefined)
  slow.write('GET / HTTP/1.1\r\nHost: ')
  const letters = setInterval(() => slow.write('x'), 50)
  t.after(() => clearInterval(letters))
  const [head] = (await once(slow, 'data')) as [Buffer]
  assert.match(String(head), /^HTTP\/1.1 408 /)
  await once(slow, 'close')
})

test('who asks and does not read the answer is given up', async (t) => {
  const stops: AbortSignal[] = []
  const large = (_: unknown, stop: AbortSignal): Promise<Reply> => {
    stops.push(stop)
    return Promise.resolve({ status: 200, type: 'json', body: '1'.repeat(5e7) })
  }
  const server = await serve({ host: '127.0.0.1', port: 0 }, large, () => assert.fail(), 200)
  t.after(() => server.close())
  const { port, pathname } = new URL(server.url)
  const slow = connect(Number(port), '127.0.0.1').pause()
  t.after(() => slow.destroy())
  slow.write(`GET ${pathname} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`)
  while (stops[0]?.aborted !== true) await pause(10)
})

test('it listens on this host only', () => {
  for (const text of ['127.0.0.1:0', ':0', '0', 'localhost:8080', '[::1]:80'])
    assert.match(listenOption(text).host, /^(127\.0\.0\.1|::1)$/, text)
  for (const text of [
    '0.0.0.0:0',
    '[::]:0',
    '10.0.0.1:80',
    'web1:80',
    '127.0.0.2:1',
    '127.0.0.1',
    '127.0.0.1:x',
    '127.0.0.1:70000',
    '',
    '[::1',
    '__proto__:1',
  ])
    assert.throws(
      () => listenOption(text),
      (error: UserError) => error.exitCode === 2 && error.remedy !== undefined,
      text,
    )
})
