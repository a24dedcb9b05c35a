/** An nginx that speaks TLS to its backends, and a recorder that reads it. nginx's log is the truth. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, after, before } from 'node:test'
import { fileURLToPath } from 'node:url'
import { certificates } from './certificates.ts'
import { Cable } from './network.ts'
import { LabNginxes, type Attempt, type LabNginx } from './nginx.ts'
import type { ListenOptions, Truth } from './protocol.ts'
import { lacking } from './system.ts'
import { watch, type Helper, type Seen } from './watch.ts'

export const FAR = '10.77.0.2'
export const FAR6 = 'fd77::2'

/** The `skip` value of tests that read TLS. uprobe_multi is as old as tcx; by control group kernels are older. */
export const lackingTls = (...programs: readonly string[]): string | false => lacking('openssl', ...programs)

/** A backend, and the server block of nginx that is in front of it. */
export interface Leg extends Pick<ListenOptions, 'rules' | 'deaf'> {
  readonly address?: string
  readonly tls?: Omit<NonNullable<ListenOptions['tls']>, 'certificates'>
  /** directives of the location */
  readonly location?: string
  /** a connection for each request */
  readonly fresh?: boolean
  /** who listens at the address: a backend of node's by itself */
  readonly listen?: (address: string, port: number) => Promise<unknown>
}

export interface OpenLeg {
  /** as nginx and the recording name it */
  readonly backend: string
  readonly address: string
  readonly port: number
  /** nginx's own */
  readonly listener: number
  readonly block: string
}

export interface Recorded {
  readonly seen: Seen
  readonly attempts: readonly Attempt[]
  /** of the backends of node's */
  readonly served: Truth
}

/** What reads TLS. Paths stay as nginx logs them. */
export const READ: readonly string[] = ['--tls', '--routes-as', 'raw']

/** For a `describe`. */
export class TlsLab {
  #cable: Cable | undefined
  readonly nginxes = new LabNginxes()
  readonly #peers = new Set<ChildProcess>()
  #legs = 0

  /** @param firstPort of the backends; nginx listens from 8080 on */
  constructor(private readonly firstPort: number) {
    before(async () => (this.#cable = await Cable.create()))
    after(() => this.#cable?.remove())
    afterEach(async () => {
      for (const peer of this.#peers) await end(peer)
      this.#peers.clear()
    })
  }

  get cable(): Cable {
    if (this.#cable === undefined) throw new Error('the lab has no cable outside of its tests')
    return this.#cable
  }

  async open(leg: Leg = {}): Promise<OpenLeg> {
    const { address = FAR, tls = {}, rules, deaf, fresh = false, location = '' } = leg
    const number = this.#legs++
    const [port, listener] = [this.firstPort + number, 8080 + number]
    const options = { address, port, tls: { ...tls, certificates: certificates() } }
    const listen =
      leg.listen ??
      (() =>
        this.cable.far.call('listen', {
          ...options,
          ...(rules === undefined ? {} : { rules }),
          ...(deaf === undefined ? {} : { deaf }),
        }))
    await listen(address, port)
    const backend = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
    const block = `upstream leg${number} { server ${backend} max_fails=0; ${fresh ? '' : 'keepalive 16;'} }
      server { listen 127.0.0.1:${listener};
        location / { ${fresh ? 'proxy_set_header Connection close;' : ''} ${location} proxy_pass https://leg${number}; } }`
    return { backend, address, port, listener, block }
  }

  startNginx(
    legs: readonly OpenLeg[],
    ...more: readonly [http?: string, ...NginxOptions]
  ): Promise<LabNginx> {
    const [http = '', realtime = false, around = {}] = more
    return this.nginxes.start(
      this.cable.proxy.namespace,
      `proxy_ssl_protocols TLSv1.2 TLSv1.3; proxy_next_upstream off;
       ${legs.map(({ block }) => block).join('\n')} ${http}`,
      realtime,
      around,
    )
  }

  ask(leg: OpenLeg, requests: readonly string[], times = 1, connections = 4): Promise<readonly number[]> {
    return this.cable.proxy.call('ask', {
      ...{ address: '127.0.0.1', port: leg.listener },
      ...{ requests, times, connections },
    })
  }

  /** What a new nginx in front of the legs does meanwhile. */
  async record(
    legs: readonly OpenLeg[],
    during: (nginx: LabNginx, helper: Helper) => Promise<unknown>,
    { http = '', args = READ }: { readonly http?: string; readonly args?: readonly string[] } = {},
  ): Promise<Recorded> {
    const nginx = await this.startNginx(legs, http)
    const { seen } = await this.watch((helper) => during(nginx, helper), args)
    const attempts = nginx.attempts()
    await this.nginxes.stop(nginx)
    const backends = new Set(legs.map(({ backend }) => backend))
    const ledger = Object.entries(await this.cable.far.call('ledger'))
    const served = Object.fromEntries(ledger.filter(([row]) => backends.has(row.split(' ', 1)[0]!)))
    return { seen, attempts, served }
  }

  /** With the nginxes that run. */
  async watch(
    during: (helper: Helper) => Promise<unknown>,
    args: readonly string[] = READ,
  ): Promise<Pick<Recorded, 'seen'>> {
    return { seen: await watch(this.cable.proxy.namespace, during, args) }
  }

  /** Another nginx as a backend. Its server at 127.0.0.1, 10,000 ports higher, answers when it has the whole body: $whole. */
  nginxBackend =
    (server: string, program?: string) =>
    (address: string, port: number): Promise<LabNginx> => {
      const { server: pair } = certificates()
      const at = address.includes(':') ? `[${address}]` : address
      return this.nginxes.start(
        this.cable.far.namespace,
        `ssl_protocols TLSv1.2 TLSv1.3; server { listen 127.0.0.1:${port + 10_000}; return 200 ok; }
         server { listen ${at}:${port} ssl; ssl_certificate ${pair.certificate}; ssl_certificate_key ${pair.key};
           set $whole http://127.0.0.1:${port + 10_000}; ${server} }`,
        false,
        program === undefined ? {} : { program },
      )
    }

  /** A server in python's ssl, tls-server.py. */
  pythonBackend = async (address: string, port: number): Promise<ChildProcess> => {
    const { certificate, key } = certificates().server
    const words = [fileURLToPath(new URL('tls-server.py', import.meta.url)), certificate, key, address]
    return this.#spawn('python3', ...words, String(port))
  }

  /** Resolves when it has said something. */
  async #spawn(...words: readonly string[]): Promise<ChildProcess> {
    const peer = spawn('ip', ['netns', 'exec', this.cable.far.namespace, ...words], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#peers.add(peer)
    const [said] = (await Promise.race([once(peer.stdout, 'data'), once(peer, 'exit')])) as [unknown]
    if (!Buffer.isBuffer(said)) throw new Error(`${words[0]} did not start`)
    return peer
  }
}

type NginxOptions = Partial<[realtime: boolean, around: NonNullable<Parameters<LabNginxes['start']>[3]>]>

async function end(peer: ChildProcess): Promise<void> {
  const exited = once(peer, 'exit')
  peer.stdin!.end()
  await exited
}
