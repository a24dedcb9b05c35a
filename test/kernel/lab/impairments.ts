/**
 * Devices and programs that drop, duplicate, reorder, tag, fragment or forge segments between two hosts. Built from C at first
 * use.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { arch } from 'node:process'
import { fileURLToPath } from 'node:url'
import { compile } from './build.ts'
import { addAddresses } from './network.ts'
import { inside } from './system.ts'

const source = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const MULTIARCH = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }[arch as string] ?? ''

/** Drops each n-th segment with payload that passes a device: a tc filter in direct action mode. */
export async function dropEvery(
  namespace: string,
  device: string,
  hook: 'ingress' | 'egress',
  every: number,
  port = 0,
): Promise<void> {
  await addFilter(namespace, device, hook, await dropObject(every, port), 'classifier')
}

export const dropNothing = (namespace: string, device: string): Promise<string> =>
  inside(namespace, 'tc', 'qdisc', 'del', 'dev', device, 'clsact')

export interface RelayCounts {
  readonly seen: number
  readonly dropped: number
  readonly doubled: number
  readonly swapped: number
  readonly split: number
}

export interface Relay {
  stop(): Promise<{ readonly ab: RelayCounts; readonly ba: RelayCounts }>
}

/** Connects two namespaces by tun devices (L3: packets have no Ethernet header) that treat segments by a rule. */
export async function relay(
  [namespaceA, deviceA, addressA]: readonly [string, string, string],
  [namespaceB, deviceB, addressB]: readonly [string, string, string],
  rules: readonly [ab: string, ba: string] = ['', ''],
): Promise<Relay> {
  const program = await compile('relay', 'gcc', '-O2', '-Wall', '-Werror', source('relay.c'))
  const child = spawn(program, [namespaceA, deviceA, namespaceB, deviceB, ...rules], { stdio: 'pipe' })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const exited = once(child, 'exit')
  const [ready] = (await Promise.race([once(child.stdout, 'data'), exited])) as [unknown]
  if (!Buffer.isBuffer(ready)) throw new Error(`the relay did not start: ${stderr}`)
  await addAddresses(namespaceA, deviceA, [addressA])
  await addAddresses(namespaceB, deviceB, [addressB])
  return {
    async stop() {
      child.stdin.end()
      await exited
      return JSON.parse(stderr) as { ab: RelayCounts; ba: RelayCounts }
    },
  }
}

/** The number of tcx programs on a device, [ingress, egress]. */
export async function attachedTo(namespace: string, device: string): Promise<readonly [number, number]> {
  const [ingress = -1, egress = -1] = (await inside(namespace, await tcxTool(), 'list', device))
    .split(' ')
    .map(Number)
  return [ingress, egress]
}

/**
 * Attaches another tcx program to a hook, last in the chain: an object file, or the filter that drops each n-th segment. `stop`
 * returns how many payload segments it saw.
 */
export async function attachTcxProgram(
  namespace: string,
  device: string,
  hook: 'ingress' | 'egress',
  program: string | number,
): Promise<{ stop(): Promise<number> }> {
  const object = typeof program === 'string' ? program : await dropObject(program, 0)
  return startInNamespace(namespace, [await tcxTool(), 'attach', device, hook, object])
}

/** Starts a program that prints `ready` first and a number at its end. `stop` closes its stdin and returns that number. */
export async function startInNamespace(
  namespace: string,
  words: readonly string[],
): Promise<{ stop(): Promise<number> }> {
  const child = spawn('ip', ['netns', 'exec', namespace, ...words], { stdio: ['pipe', 'pipe', 'inherit'] })
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  const exited = once(child, 'exit')
  await Promise.race([once(child.stdout, 'data'), exited])
  if (!stdout.startsWith('ready')) throw new Error(`${words[0] ?? ''} did not start`)
  return {
    async stop() {
      child.stdin.end()
      await exited
      return Number(stdout.trim().split('\n').at(-1))
    },
  }
}

/** Starts spoof.c, which forges segments of a backend; `stop` returns their number. */
export async function startSpoofer(
  namespace: string,
  device: string,
  port: number,
  how: 'near' | 'exact' | 'late',
): Promise<{ stop(): Promise<number> }> {
  const program = await compile('spoof', 'gcc', '-O2', '-Wall', '-Werror', source('spoof.c'))
  return startInNamespace(namespace, [program, device, String(port), how])
}

let tcx: Promise<string> | undefined
const tcxTool = (): Promise<string> =>
  (tcx ??= compile('tcx', 'gcc', '-O2', '-Wall', '-Werror', source('tcx.c'), '-lbpf', '-lelf', '-lz'))

/** Adds VLAN tags to frames that leave by `upper`, and removes them from frames that arrive by `lower`. */
export async function addVlanTags(
  namespace: string,
  upper: string,
  lower: string,
  tags: number,
): Promise<void> {
  const object = await compileBpf('insert-headers.bpf.c', `tags-${tags}`, [`-DTAGS=${tags}`])
  await addFilter(namespace, upper, 'egress', object, 'push')
  await addFilter(namespace, lower, 'ingress', object, 'pop')
}

/** Inserts an extension header in front of TCP into IPv6 packets that leave by the device. */
export async function addExtensionHeader(namespace: string, device: string): Promise<void> {
  await addFilter(
    namespace,
    device,
    'egress',
    await compileBpf('insert-headers.bpf.c', 'extend', []),
    'extend',
  )
}

async function addFilter(
  namespace: string,
  device: string,
  hook: 'ingress' | 'egress',
  object: string,
  section: string,
): Promise<void> {
  await inside(namespace, 'tc', 'qdisc', 'replace', 'dev', device, 'clsact')
  await inside(
    namespace,
    ...['tc', 'filter', 'add', 'dev', device, hook],
    ...['bpf', 'da', 'obj', object, 'sec', section],
  )
}

const dropObject = (every: number, port: number): Promise<string> =>
  compileBpf('drop.bpf.c', `drop-${every}-${port}`, [`-DEVERY=${every}`, `-DPORT=${port}`])

function compileBpf(program: string, name: string, defines: readonly string[]): Promise<string> {
  const flags = ['-O2', '-g', '-target', 'bpf', '-mcpu=v3', `-I/usr/include/${MULTIARCH}`, ...defines]
  return compile(`${name}.o`, 'clang', ...flags, '-c', source(program))
}
