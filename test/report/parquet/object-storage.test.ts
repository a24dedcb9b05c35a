/**
 * A data set pushed to object storage by rclone, as docs/service.md says. It needs rclone, and a server for it: `npm install --no-save
 * s3rver@3.7.1`, or S3RVER=/path/to/node_modules/s3rver. With chdb (clickhouse.test.ts) the bucket is also read.
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { at } from '../fake.ts'
import { compactDataset, type CompactResult } from '../../../src/report/parquet/compact/compact.ts'
import { inFolder } from '../../store/support.ts'
import { exported, framesFrom, HOUR, record } from './hours.ts'
import { addMicros } from '../../../src/frame/model/units.ts'

const require = createRequire(import.meta.url)
const DOCUMENT = fileURLToPath(new URL('../../../docs/service.md', import.meta.url))

function serverPackage(): string | null {
  try {
    return require.resolve(process.env.S3RVER ?? 's3rver')
  } catch {
    return null
  }
}

const server = serverPackage()
const lacking = [
  ...(spawnSync('rclone', ['version']).status === 0 ? [] : ['rclone']),
  ...(server === null ? ['s3rver'] : []),
]

test(
  'a bucket gets what is new and loses what was joined; to push again moves nothing; other hosts are left',
  { skip: lacking.length === 0 ? false : `needs ${lacking.join(' and ')}` },
  () =>
    inFolder(async (folder) => {
      const [file, lake] = [join(folder, 'web.db'), join(folder, 'lake')]
      const frames = framesFrom('2026-11-22T20:02:30Z', 40, 300e6)
      record(file, frames, { isNew: true })
      for (let i = 0; i < 4; i++) {
        const from = addMicros(at('2026-11-22T20:00:00Z'), i * HOUR)
        await exported(file, lake, { from, to: addMicros(from, HOUR) })
      }
      const unfinished = join(lake, 'ticks/host=web1/date=2026-11-22/.x.parquet.0000abcd-1.tmp')
      writeFileSync(unfinished, '')
      const port = await freePort()
      const running = await serve(port, join(folder, 's3'))
      try {
        const rclone = (...args: readonly string[]): string => run(args, folder, port)
        const others = join(folder, 'ticks-of-web2.parquet')
        writeFileSync(others, 'of web2')
        rclone('copyto', others, 'store:lake/ticks/host=web2/date=2026-11-22/x.parquet')
        const push = (): string => rclone(...pushWords(), '-v')
        const listed = (): number => rclone('ls', 'store:lake').trim().split('\n').length
        push()
        assert.equal(listed(), 24 + 1)
        assert.doesNotMatch(push(), /Copied|Deleted/)
        // An unfinished file: somebody writes there.
        assert.deepEqual(await compacted(lake), { parts: 0, files: 0, busy: ['host=web1/date=2026-11-22'] })
        rmSync(unfinished)
        await compacted(lake)
        const words = [...push().matchAll(/: (Copied|Deleted)/g)].map(([, word]) => word)
        assert.deepEqual(words, [...Array<string>(6).fill('Copied'), ...Array<string>(24).fill('Deleted')])
        assert.equal(listed(), 6 + 1)
        assert.doesNotMatch(push(), /Copied|Deleted/)
        await assertReadable(port, frames.length)
      } finally {
        running.kill()
        await once(running, 'exit')
      }
    }),
)

const compacted = (directory: string): Promise<CompactResult> =>
  compactDataset({
    directory,
    day: null,
    host: null,
    today: '2026-11-23',
    signal: new AbortController().signal,
  })

/** The command of the document, with this lake and bucket. */
function pushWords(): string[] {
  const line = readFileSync(DOCUMENT, 'utf8')
    .split('\n')
    .find((one) => one.trimStart().startsWith('rclone sync '))!
  const words = line.trim().split(/ +/).slice(1)
  return words.map((word) =>
    word
      .replaceAll('"', '')
      .replace('/var/lib/upstreamtop/parquet/web', 'lake')
      .replace('$(hostname)', 'web1'),
  )
}

function run(args: readonly string[], folder: string, port: number): string {
  const { status, stdout, stderr } = spawnSync('rclone', [...args], {
    encoding: 'utf8',
    cwd: folder,
    timeout: 60_000,
    env: {
      ...process.env,
      // rclone 1.60 of Debian fails with one.
      AWS_CA_BUNDLE: '',
      RCLONE_CONFIG: '/dev/null',
      RCLONE_CONFIG_STORE_TYPE: 's3',
      RCLONE_CONFIG_STORE_PROVIDER: 'Other',
      RCLONE_CONFIG_STORE_ACCESS_KEY_ID: 'S3RVER',
      RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY: 'S3RVER',
      RCLONE_CONFIG_STORE_ENDPOINT: `http://127.0.0.1:${port}`,
    },
  })
  assert.equal(status, 0, stderr)
  return stdout + stderr
}

async function serve(port: number, directory: string): Promise<ChildProcess> {
  mkdirSync(directory)
  const script = `
    const Server = require(${JSON.stringify(server)})
    new Server({ address: '127.0.0.1', port: ${port}, silent: true, directory: ${JSON.stringify(directory)},
      configureBuckets: [{ name: 'lake' }] }).run().then(() => console.log('ready'))`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return child
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  return port
}

async function assertReadable(port: number, ticks: number): Promise<void> {
  const path = process.env.CHDB ?? 'chdb'
  if (process.env.CHDB !== undefined && !existsSync(path)) return
  const module = (await import(path).catch(() => null)) as {
    readonly query: (sql: string, format: string) => string
  } | null
  if (module === null) return
  const url = `http://127.0.0.1:${port}/lake/ticks/host=web1/**.parquet`
  const sql = `SELECT count(), uniqExact(time) FROM s3('${url}', 'S3RVER', 'S3RVER', 'Parquet')`
  assert.equal(module.query(sql, 'TSV').trim(), `${ticks}\t${ticks}`)
}
