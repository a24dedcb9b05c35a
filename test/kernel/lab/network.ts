/** Network namespaces of a test, removed at its end. */
import { fork, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Call, CallName, Calls, Reply } from './protocol.ts'
import { sh } from './system.ts'

/** A process in a namespace that executes calls. */
export class NamespaceAgent {
  readonly #process: ChildProcess
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  #calls = 0

  private constructor(
    readonly namespace: string,
    child: ChildProcess,
  ) {
    this.#process = child
    child.on('message', ({ id, value, error }: Reply) => {
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error === undefined) waiting?.resolve(value)
      else waiting?.reject(new Error(error))
    })
  }

  static async open(namespace: string): Promise<NamespaceAgent> {
    const agent = fileURLToPath(new URL('agent.ts', import.meta.url))
    const child = fork(agent, {
      execPath: 'ip',
      execArgv: ['netns', 'exec', namespace, process.execPath, '--import', 'tsx'],
      env: { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` },
    })
    await once(child, 'message')
    return new NamespaceAgent(namespace, child)
  }

  async call<Name extends CallName>(
    name: Name,
    ...options: Parameters<Calls[Name]>
  ): Promise<ReturnType<Calls[Name]>> {
    const id = ++this.#calls
    const reply = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
    this.#process.send({ id, name, options: options[0] } satisfies Call)
    return (await reply) as ReturnType<Calls[Name]>
  }

  async close(): Promise<void> {
    const exited = once(this.#process, 'exit')
    this.#process.disconnect()
    await exited
  }

  /** Its sockets close as those of a process that was killed. */
  async kill(): Promise<void> {
    const exited = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await exited
  }
}

/**
 * A proxy host and a backend host, connected by a veth pair: `leg` (10.77.0.1, fd77::1) and `peer` (10.77.0.2 … .9, fd77::2).
 * Namespace names contain the test's process id.
 */
export class Cable {
  private constructor(
    readonly proxy: NamespaceAgent,
    readonly far: NamespaceAgent,
  ) {}

  /** @param inOrder packets keep their order, as a network card's do: those of a veth pair overtake each other where their sender changes its CPU. */
  static async create({ inOrder = false }: { readonly inOrder?: boolean } = {}): Promise<Cable> {
    const proxy = await makeNamespace('p')
    const far = await makeNamespace('f')
    await addVeth([proxy, 'leg'], [far, 'peer'])
    await addAddresses(proxy, 'leg', ['10.77.0.1/24', 'fd77::1/64'])
    if (inOrder)
      for (const [namespace, link] of [
        [proxy, 'leg'],
        [far, 'peer'],
      ] as const)
        await receiveOnOneCpu(namespace, link)
    await addAddresses(far, 'peer', [...range(2, 9).map((n) => `10.77.0.${n}/24`), 'fd77::2/64'])
    return new Cable(await NamespaceAgent.open(proxy), await NamespaceAgent.open(far))
  }

  async remove(): Promise<void> {
    await Promise.all([this.proxy.close(), this.far.close()])
    await removeNamespace(this.proxy.namespace)
    await removeNamespace(this.far.namespace)
  }
}

const receiveOnOneCpu = (namespace: string, link: string): Promise<unknown> =>
  sh('ip', 'netns', 'exec', namespace, 'sh', '-c', `echo 1 > /sys/class/net/${link}/queues/rx-0/rps_cpus`)

export const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)

let made = 0
const open = new Set<string>()
// Removes what a failed test leaves behind.
process.on('exit', () => {
  for (const name of open) spawnSync('ip', ['netns', 'del', name])
})

/** The loopback is up. */
export async function makeNamespace(role: string): Promise<string> {
  const name = `lab-${process.pid}-${role}${made++}`
  await sh('ip', 'netns', 'add', name)
  open.add(name)
  await sh('ip', '-n', name, 'link', 'set', 'lo', 'up')
  // No duplicate address detection: addresses are usable at once.
  await sh(
    'ip',
    'netns',
    'exec',
    name,
    'sysctl',
    '-qw',
    'net.ipv6.conf.default.accept_dad=0',
    'net.ipv6.conf.all.accept_dad=0',
  )
  return name
}

export async function removeNamespace(name: string): Promise<void> {
  await sh('ip', 'netns', 'del', name)
  open.delete(name)
}

/** A veth pair: each end is a namespace and the name of the interface there. */
export async function addVeth(
  [near, port]: readonly [string, string],
  [far, peer]: readonly [string, string],
): Promise<void> {
  await sh('ip', 'link', 'add', port, 'netns', near, 'type', 'veth', 'peer', 'name', peer, 'netns', far)
}

export async function addAddresses(
  namespace: string,
  link: string,
  addresses: readonly string[],
): Promise<void> {
  for (const address of addresses)
    await sh(
      'ip',
      '-n',
      namespace,
      'addr',
      'add',
      address,
      'dev',
      link,
      ...(address.includes(':') ? ['nodad'] : []),
    )
  await sh('ip', '-n', namespace, 'link', 'set', link, 'up')
}
