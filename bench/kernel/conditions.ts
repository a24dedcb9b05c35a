/** The conditions: what runs beside nginx during a measurement. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { GROUPS } from '../../test/kernel/lab/groups.ts'
import { compile } from '../../test/kernel/lab/build.ts'
import { ROOT, sh } from '../../test/kernel/lab/system.ts'
import { attachTcxProgram } from '../../test/kernel/lab/impairments.ts'

/** Folder for recordings and logs, as long as this program runs. */
export const scratch = mkdtempSync(join(tmpdir(), 'upstreamtop-bench-'))
process.on('exit', () => rmSync(scratch, { recursive: true }))

/** A running condition. One that works even without load is paused while others are measured. */
export interface Condition {
  stop(): Promise<void>
  resume?(): void
  pause?(): void
}
export type Start = (namespace: string) => Promise<Condition>

/** A load beside a condition that is started for it alone. */
export async function beside<T>(start: Start, namespace: string, load: () => Promise<T>): Promise<T> {
  const condition = await start(namespace)
  condition.resume?.()
  await sleep(300)
  const result = await load()
  condition.pause?.()
  await condition.stop()
  return result
}

const nothing: Start = () => Promise.resolve({ stop: () => Promise.resolve() })

export const conditions: Readonly<Record<string, { readonly start: Start; readonly port: number }>> = {
  'nothing attached': { start: nothing, port: 8081 },
  'nothing again': { start: nothing, port: 8081 }, // shows the noise
  'null program': { start: nullProgram, port: 8081 },
  recorder: { start: recorder, port: 8081 },
  tcpdump: { start: tcpdump, port: 8081 },
  'access log': { start: nothing, port: 8082 },
}

/** Returns the object's path. */
async function compileNull(name: string): Promise<string> {
  const object = `${ROOT}build/lab/${name}.o`
  await sh(
    'clang',
    '-O2',
    '-g',
    '-target',
    'bpf',
    '-mcpu=v3',
    '-I/usr/include/x86_64-linux-gnu',
    '-I/usr/include/aarch64-linux-gnu',
    '-c',
    `${ROOT}bench/kernel/${name}.bpf.c`,
    '-o',
    object,
  )
  return object
}

async function nullProgram(namespace: string): Promise<Condition> {
  const object = await compileNull('null')
  const attached: Awaited<ReturnType<typeof attachTcxProgram>>[] = []
  for (const device of ['lo', 'leg'])
    for (const hook of ['ingress', 'egress'] as const)
      attached.push(await attachTcxProgram(namespace, device, hook, object))
  return {
    stop: async () => {
      for (const program of attached) await program.stop()
    },
  }
}

/** At the root of cgroup2: it runs for every socket of the machine. */
async function nullProgramOfGroup(): Promise<Condition> {
  const object = await compileNull('null-group')
  const root = GROUPS
  if (root === undefined) throw new Error('there is no cgroup2')
  const pinned = `/sys/fs/bpf/upstreamtop-bench-${process.pid}`
  const hooks = ['cgroup_inet_ingress', 'cgroup_inet_egress'] as const
  for (const hook of hooks) {
    await sh(
      'bpftool',
      'prog',
      'load',
      object,
      `${pinned}-${hook}`,
      'type',
      hook.replace('inet', 'skb').replace(/_(in|e)gress$/, '/$1gress'),
    )
    await sh('bpftool', 'cgroup', 'attach', root, hook, 'pinned', `${pinned}-${hook}`, 'multi')
  }
  return {
    stop: async () => {
      for (const hook of hooks) {
        await sh('bpftool', 'cgroup', 'detach', root, hook, 'pinned', `${pinned}-${hook}`)
        rmSync(`${pinned}-${hook}`)
      }
    },
  }
}

/** The two ways of attaching, of which only one can be active: the programs at the root of cgroup2 see every setup. */
export const ways: Readonly<Record<string, Start>> = {
  nothing,
  'null, tcx': nullProgram,
  'null, cgroup': nullProgramOfGroup,
  'recorder, tcx': (namespace) => recorder(namespace, ['--attach', 'tcx']),
  'recorder, cgroup': (namespace) => recorder(namespace, ['--attach', 'cgroup']),
}

const LIBSSL = 'libssl.so.3'

/** TLS upstreams: what reads them, and what tools cost at least that read at the library's functions. */
export const readers: Readonly<Record<string, Start>> = {
  nothing,
  recorder: (namespace) => recorder(namespace),
  'recorder --tls': (namespace) => recorder(namespace, ['--tls']),
  [`probes at ${LIBSSL}`]: libraryProbes,
}

/** Empty programs at entry and return of SSL_read and SSL_write. */
async function libraryProbes(): Promise<Condition> {
  const object = await compileNull('null-uprobe')
  const source = `${ROOT}bench/kernel/uprobes.c`
  const program = await compile('uprobes', 'gcc', '-O2', '-Wall', '-Werror', source, '-lbpf')
  const library = /(\/\S+libssl\.so\.3)/.exec(await sh('ldd', '/usr/sbin/nginx'))?.[1]
  if (library === undefined) throw new Error(`nginx does not use ${LIBSSL}`)
  const symbols = await sh('nm', '-D', '--defined-only', library)
  const offsets = ['SSL_read', 'SSL_write'].map((name) => {
    const value = new RegExp(`^([0-9a-f]+) . ${name}(?:@.*)?$`, 'm').exec(symbols)?.[1]
    if (value === undefined) throw new Error(`${library} has no ${name}`)
    return `0x${value}`
  })
  const child = spawn(program, [object, library, ...offsets], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [ready] = (await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])) as [unknown]
  if (!Buffer.isBuffer(ready)) throw new Error(`no probe could be set in ${library}`)
  return { stop: () => ended(child, 'SIGTERM') }
}

async function recorder(namespace: string, options: readonly string[] = []): Promise<Condition> {
  const child = await startRecorder(namespace, options)
  const signal = (name: NodeJS.Signals): void =>
    processTree(child.pid!).forEach((pid) => void process.kill(pid, name))
  const pause = (): void => signal('SIGSTOP')
  const resume = (): void => signal('SIGCONT')
  pause()
  return { pause, resume, stop: () => (resume(), ended(child, 'SIGINT')) }
}

export function processTree(pid: number): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return [pid, ...(children === '' ? [] : children.split(' ').flatMap((child) => processTree(Number(child))))]
}

export async function startRecorder(
  namespace: string,
  options: readonly string[] = [],
): Promise<ChildProcess> {
  const file = join(scratch, `${performance.now()}.db`)
  const program = ['netns', 'exec', namespace, process.execPath, `${ROOT}dist/main.js`]
  const words = [...program, 'record', '--out', file, ...options]
  const child = spawn('ip', words, { stdio: ['ignore', 'ignore', 'pipe'] })
  await said(child, 'recording')
  return child
}

async function tcpdump(namespace: string): Promise<Condition> {
  const child = spawn('ip', ['netns', 'exec', namespace, 'tcpdump', '-i', 'any', '-w', '/dev/null'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  await said(child, 'listening')
  return { stop: () => ended(child, 'SIGINT') }
}

async function said(child: ChildProcess, word: string): Promise<void> {
  let stderr = ''
  for await (const chunk of child.stderr!.iterator({ destroyOnReturn: false })) {
    stderr += String(chunk)
    if (stderr.includes(word)) return void child.stderr!.resume()
  }
  throw new Error(`did not start: ${stderr}`)
}

export async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exit = once(child, 'exit')
  child.kill(signal)
  await exit
}
