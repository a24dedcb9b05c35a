/**
 * tcpdump beside the helper: what upstreamtop reads from the capture is what the helper has read from the kernel. `LAB_CAPTURE=1` does it
 * in every test that watches a namespace.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SecondFrame } from '../../../src/frame/model/frame.ts'
import { ofFrame, sumOf } from '../../../src/frame/sum/merge.ts'
import { openCaptureFile } from '../../../src/record/pcap/capture-file.ts'
import { readSource } from '../../../src/record/source.ts'
import { CAPTURE_DEFAULTS } from '../../record/pcap/read.ts'
import { sh } from './system.ts'
import type { Seen } from './watch.ts'

export const BESIDE = process.env.LAB_CAPTURE === '1'

/** `skip` of a test whose facts are in no capture: why not. */
export const uncaptured = (why: string): string | false => (BESIDE ? `no capture has it: ${why}` : false)

export interface Beside {
  /** ends the capture, and compares it with what the helper has seen */
  compare(seen: Pick<Seen, 'sum'>): Promise<void>
  cancel(): Promise<void>
}

/** Starts tcpdump in a namespace, where the helper with these arguments reads: on their interfaces, or on all. */
export async function captureBeside(namespace: string, args: readonly string[]): Promise<Beside> {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-beside-'))
  const named = args.filter((_, i) => args[i - 1] === '--iface')
  const dumps: Dump[] = []
  for (const name of named.length === 0 ? ['any'] : named)
    dumps.push(await dumpOf(namespace, name, join(folder, `${name}.pcap`)))
  return {
    compare: async ({ sum }) => {
      for (const { file } of dumps) await settled(file)
      for (const dump of dumps) await dump.stop()
      try {
        await noteDifference(async () => {
          for (const dump of dumps) assert.match(dump.said(), /\b0 packets dropped by kernel/)
          const files = dumps.map(({ file }) => file)
          assert.deepEqual(await factsOfCapture(await oneOf(files), args, sum), factsOf(sum))
        })
      } finally {
        if (process.env.LAB_KEEP === undefined) rmSync(folder, { recursive: true })
        else console.log(`kept: ${folder}`)
      }
    },
    cancel: async () => {
      for (const dump of dumps) await dump.stop()
      rmSync(folder, { recursive: true })
    },
  }
}

interface Dump {
  readonly file: string
  /** on stderr */
  said(): string
  stop(): Promise<void>
}

async function dumpOf(namespace: string, interface_: string, file: string): Promise<Dump> {
  const buffers = ['-s', '0', '-B', '65536', '-U']
  const words = ['-i', interface_, ...buffers, '-Z', 'root', '-w', file]
  const child = spawn('ip', ['netns', 'exec', namespace, 'tcpdump', ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const listens = new Promise<void>((resolve) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (said.includes('listening on')) resolve()
    })
  })
  await Promise.race([listens, ended])
  return {
    file,
    said: () => said,
    stop: async () => {
      child.kill('SIGINT')
      await ended
    },
  }
}

/** In the order of their packets' times, as one pcapng of several interfaces. */
async function oneOf(files: readonly string[]): Promise<string> {
  if (files.length === 1) return files[0]!
  const merged = join(dirname(files[0]!), 'merged.pcapng')
  await sh('mergecap', '-w', merged, ...files)
  return merged
}

let differences = 0

/** The test goes on, because it would leave its nginx behind; the file of tests fails. */
async function noteDifference(compare: () => Promise<void>): Promise<void> {
  try {
    await compare()
  } catch (error) {
    differences++
    console.log(`the capture of the test that ends next differs: ${(error as Error).message}`)
  }
}
if (BESIDE) after(() => assert.equal(differences, 0, `${differences} captures differ`))

/** Packets pass through a buffer, which tcpdump reads once per second, and not to its end when it is stopped. */
async function settled(file: string): Promise<void> {
  for (let size = -1, quiet = 0; quiet < 9;) {
    await sleep(150)
    const now = statSync(file).size
    quiet = now === size ? quiet + 1 : 0
    size = now
  }
}

type Sum = Seen['sum']

/** The connections of nginx to the backends that the helper has seen: the capture has nginx's front, too. */
async function factsOfCapture(file: string, args: readonly string[], sum: Sum): Promise<unknown> {
  const addresses = new Set(sum.backends.map(({ backend }) => backend.address))
  const ports = [...addresses].map((address) => Number(address.slice(address.lastIndexOf(':') + 1)))
  const { lines } = openCaptureFile(
    {
      ...CAPTURE_DEFAULTS,
      file,
      serverPorts: [...new Set(ports.filter(Number.isInteger))],
      rawRoutes: args.includes('raw'),
    },
    () => undefined,
  )
  const frames: SecondFrame[] = []
  for await (const event of readSource(lines)) if (event.kind === 'frame') frames.push(event.frame)
  const read = sumOf(frames.map(ofFrame))
  return factsOf({
    ...read,
    backends: read.backends.filter(({ backend }) => addresses.has(backend.address)),
  })
}

/** What must be equal. `retries` are inferred by worker, which packets do not tell. */
function factsOf({ backends }: Pick<Sum, 'backends'>): unknown {
  const each = backends.map((row): [string, unknown] => [
    row.backend.address,
    {
      ...picked(row, [
        'requests',
        'answered',
        'codes',
        'failures',
        'unseen',
        'grpc',
        'sentBytes',
        'receivedBytes',
      ]),
      ...picked(row.connection, ['connects', 'refused', 'earlyClose']),
      routes: new Map(
        row.routes.map(({ route, ...of }) => [
          `${route.method} ${route.path}`,
          picked(of, ['requests', 'codes', 'failures', 'bodyReset']),
        ]),
      ),
    },
  ])
  return told(Object.fromEntries(each))
}

const picked = <T extends object>(of: T, names: readonly (keyof T & string)[]): Record<string, unknown> =>
  Object.fromEntries(names.map((name) => [name, of[name]]))

/** Without what is 0 or empty: a backend that no packet has reached has a row in the kernel's recording alone. */
function told(facts: unknown): unknown {
  if (facts instanceof Map) return told(Object.fromEntries(facts))
  if (typeof facts !== 'object' || facts === null || Array.isArray(facts)) return facts
  const entries = Object.entries(facts).map(([name, value]) => [name, told(value)] as const)
  return Object.fromEntries(entries.filter(([, value]) => value !== 0 && !isEmpty(value)))
}

const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0
