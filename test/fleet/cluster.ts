/** Several ClickHouse servers of Debian (18.16) on loopback, as one cluster, in a folder of their own. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

export const WITHOUT_SERVER =
  spawnSync('clickhouse-server', ['--help']).error === undefined
    ? false
    : 'needs clickhouse-server: apt-get install clickhouse-server'

export class Cluster {
  readonly #servers: readonly Server[]

  private constructor(servers: readonly Server[]) {
    this.#servers = servers
  }

  static async start(folder: string, size: number): Promise<Cluster> {
    const ports = await freePorts(size * 3)
    const places = Array.from({ length: size }, (_, i) => ({
      folder: join(folder, `server${i + 1}`),
      http: ports[3 * i]!,
      tcp: ports[3 * i + 1]!,
      replication: ports[3 * i + 2]!,
    }))
    const shards = places.map(({ tcp }) => tcp)
    const cluster = new Cluster(places.map((place) => new Server(place, shards)))
    await Promise.all(cluster.#servers.map((server) => server.start()))
    return cluster
  }

  get urls(): string[] {
    return this.#servers.map(({ url }) => url)
  }

  /** As when the machine loses it. @param i from 0 */
  kill(i: number): Promise<void> {
    return this.#servers[i]!.end('SIGKILL')
  }

  restart(i: number): Promise<void> {
    return this.#servers[i]!.start()
  }

  async stop(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.end('SIGTERM')))
  }
}

interface Place {
  readonly folder: string
  readonly http: number
  readonly tcp: number
  readonly replication: number
}

class Server {
  readonly url: string
  readonly #folder: string
  #process: ChildProcess | null = null

  constructor(place: Place, shards: readonly number[]) {
    this.url = `http://127.0.0.1:${place.http}`
    this.#folder = place.folder
    mkdirSync(place.folder, { recursive: true })
    writeFileSync(join(place.folder, 'config.xml'), config(place, shards))
    writeFileSync(join(place.folder, 'users.xml'), USERS)
  }

  async start(): Promise<void> {
    const command = ['clickhouse-server', `--config-file=${join(this.#folder, 'config.xml')}`]
    // A test that is ended by force leaves no server behind.
    const server = spawn('setpriv', ['--pdeathsig', 'KILL', ...command], {
      cwd: this.#folder,
      stdio: 'ignore',
    })
    this.#process = server
    server.once('exit', (code, signal) => {
      if (this.#process === server)
        console.error(`clickhouse-server ended by itself: ${code ?? signal}\n${this.#errors()}`)
    })
    for (let i = 0; i < 300; i++) {
      if (server.exitCode !== null) break
      if (
        await fetch(this.url).then(
          ({ ok }) => ok,
          () => false,
        )
      )
        return
      await pause(100)
    }
    throw new Error(`clickhouse-server did not start:\n${this.#errors()}`)
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const server = this.#process
    if (server?.exitCode !== null || server.signalCode !== null) return
    this.#process = null
    const ended = once(server, 'exit')
    server.kill(signal)
    const forced = setTimeout(() => server.kill('SIGKILL'), 10_000)
    await ended
    clearTimeout(forced)
  }

  #errors(): string {
    try {
      return readFileSync(join(this.#folder, 'errors.log'), 'utf8').slice(0, 4000)
    } catch {
      return ''
    }
  }
}

const config = (
  { folder, http, tcp, replication }: Place,
  shards: readonly number[],
): string => `<?xml version="1.0"?>
<yandex>
  <logger><level>warning</level><log>${folder}/server.log</log><errorlog>${folder}/errors.log</errorlog></logger>
  <listen_host>127.0.0.1</listen_host>
  <http_port>${http}</http_port>
  <tcp_port>${tcp}</tcp_port>
  <interserver_http_host>127.0.0.1</interserver_http_host>
  <interserver_http_port>${replication}</interserver_http_port>
  <path>${folder}/data/</path>
  <tmp_path>${folder}/tmp/</tmp_path>
  <users_config>users.xml</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
  <timezone>UTC</timezone>
  <mark_cache_size>100000000</mark_cache_size>
  <remote_servers>
    <upstreamtop>
      ${shards.map((port) => `<shard><replica><host>127.0.0.1</host><port>${port}</port></replica></shard>`).join('\n      ')}
    </upstreamtop>
  </remote_servers>
</yandex>
`

const USERS = `<yandex>
  <profiles><default><max_threads>2</max_threads></default></profiles>
  <users>
    <default>
      <password></password>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
    </default>
  </users>
  <quotas><default/></quotas>
</yandex>
`

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))))
  return ports
}
