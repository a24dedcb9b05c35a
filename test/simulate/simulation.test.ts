import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { UserError } from '../../src/errors.ts'
import { simulate, type SimulationOptions } from '../../src/simulate/simulation.ts'

const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-test-'))
after(() => rmSync(folder, { recursive: true }))
const skip = hasNginx() ? false : 'nginx is not installed'

test('the answers of the clients equal the backends’ counts and the ledger file', { skip }, async () => {
  const file = join(folder, 'ledger.json')
  const result = await simulate({ ...(await options()), seconds: 1, ledger: file })
  assert.ok(result.answers > 0)
  assert.equal(result.broken, 0)
  assert.equal(result.ledger.totals.requests, result.answers)
  assert.equal(result.ledger.totals.answered, result.answers)
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), result.ledger)
  assert.deepEqual(readdirSync(folder), ['ledger.json'])
})

test('healthz goes to the first backend, static to the second, checkout to the third', { skip }, async () => {
  const { ledger } = await simulate({ ...(await options()), seconds: 3 })
  const seenBy = (route: string): number =>
    ledger.backends.filter(({ routes }) => routes.some((row) => row.route === route)).length
  assert.deepEqual(['/healthz', '/static/app.js', '/checkout', '/api/orders'].map(seenBy), [1, 1, 1, 2])
})

test('gRPC goes to the fourth backend, whose calls end with a grpc-status each', { skip }, async () => {
  const settings = await options()
  const { ledger } = await simulate({ ...settings, seconds: 3 })
  const cart = ledger.backends.find(({ backend }) => backend === `127.0.0.1:${settings.backends.cart}`)!
  assert.deepEqual(cart.routes.map(({ method, route }) => `${method} ${route}`).sort(), [
    'POST /shop.Cart/AddItem',
    'POST /shop.Cart/GetCart',
    'POST /shop.Cart/WatchCart',
  ])
  const { requests, codes, grpc } = cart
  assert.deepEqual(codes, { '200': requests })
  assert.equal(grpc['0']! + (grpc['14'] ?? 0), requests)
  assert.deepEqual(ledger.totals.grpc, grpc)
})

test('with an nginx that was built without HTTP/2 there is no gRPC, and it is said', { skip }, async () => {
  const lean = join(folder, 'lean')
  mkdirSync(lean)
  const real = execFileSync('sh', ['-c', 'PATH=$PATH:/usr/sbin command -v nginx'], {
    encoding: 'utf8',
  }).trim()
  const script = `#!/bin/sh\n[ "$1" = -V ] && exec echo "--with-http_ssl_module" >&2\nexec ${real} "$@"\n`
  writeFileSync(join(lean, 'nginx'), script, { mode: 0o755 })
  const said: boolean[] = []
  const settings = {
    ...(await options()),
    env: { PATH: lean },
    started: (hasCart: boolean) => said.push(hasCart),
  }
  const { ledger, broken, answers } = await simulate(settings)
  assert.deepEqual(said, [false])
  assert.equal(ledger.backends.length, 3)
  assert.deepEqual([ledger.totals.requests, ledger.totals.grpc, broken], [answers, {}, 0])
})

test('a stop ends it early, with every request answered and no file left', { skip }, async () => {
  const stop = new AbortController()
  const before = simulators()
  const { ledger } = await simulate({
    ...(await options()),
    seconds: 60,
    signal: stop.signal,
    started: () => setTimeout(() => stop.abort(), 300),
  })
  assert.equal(ledger.totals.requests, ledger.totals.answered)
  assert.deepEqual(simulators(), before)
})

test('a port in use is reported with a remedy', { skip }, async () => {
  const taken = await listener()
  const { port } = taken.address() as AddressInfo
  const simulation = simulate({ ...(await options()), port }).finally(() => taken.close())
  await assert.rejects(simulation, (error: unknown) => {
    assert.ok(error instanceof UserError)
    assert.equal(error.exitCode, 4)
    assert.match(error.message, new RegExp(`port "${port}"`))
    assert.match(error.remedy ?? '', /--port/)
    return true
  })
})

test('missing nginx is an error', async () => {
  const { findNginx } = await import('../../src/simulate/nginx.ts')
  await assert.rejects(findNginx([folder]), /nginx is not installed/)
})

test('a ledger in a folder that does not exist is refused before anything starts', async () => {
  const ledger = join(folder, 'missing', 'ledger.json')
  await assert.rejects(simulate({ ...(await options()), ledger }), /cannot be written/)
})

async function options(): Promise<SimulationOptions> {
  const [port, one, two, checkout, cart] = await freePorts(5)
  return {
    port: port!,
    workers: 8,
    seconds: 1,
    ledger: null,
    backends: { fast: [one!, two!], checkout: checkout!, cart: cart! },
    env: process.env,
    signal: new AbortController().signal,
    started: () => undefined,
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listener))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

async function listener(): Promise<Server> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

const simulators = (): readonly string[] =>
  readdirSync(tmpdir()).filter((name) => name.startsWith('upstreamtop-simulate-'))

function hasNginx(): boolean {
  try {
    execFileSync('sh', ['-c', 'PATH=$PATH:/usr/sbin command -v nginx'])
    return true
  } catch {
    return false
  }
}
