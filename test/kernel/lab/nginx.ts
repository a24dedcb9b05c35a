/** A real nginx in a namespace. Its access log is the truth for everything that nginx logs. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { inside, sh } from './system.ts'

export interface LabNginx {
  /** one entry per attempt, in log order. nginx logs after it has answered: while a recorder ends there is time enough */
  attempts(): readonly Attempt[]
  /** resolves when so many are logged */
  logged(count: number): Promise<void>
  /** lines of a log of its own, beside the configuration */
  log(name: string): readonly string[]
  readonly folder: string
  /** of the program that was started */
  readonly pid: number
  /** the pid of the newest master; 0 while there is none */
  master(): number
  /** pids of the newest master's workers */
  workers(): Promise<readonly number[]>
  stop(): Promise<void>
}

/** One attempt of nginx at a backend, from nginx's variables. Times in seconds; null where nginx logs `-`. */
export interface Attempt {
  readonly backend: string
  readonly method: string
  readonly target: string
  readonly status: number | null
  readonly connect: number | null
  readonly header: number | null
  readonly total: number | null
  /** bytes */
  readonly sent: number | null
  readonly received: number | null
}

const LOG =
  "'$request_method|$request_uri|$upstream_addr|$upstream_status|$upstream_connect_time|$upstream_header_time|$upstream_response_time|$upstream_bytes_sent|$upstream_bytes_received'"

/** Whether nginx can run at a real-time priority; some containers forbid it. */
export const canRunRealtime = (): boolean => spawnSync('chrt', ['-f', '20', 'true']).status === 0

/**
 * @param http the content of the http block: upstreams and servers
 * @param realtime runs nginx at a real-time priority, if allowed: its times then match its packets even on a busy machine
 */
export async function startLabNginx(
  namespace: string,
  http: string,
  realtime = false,
  around: Around = {},
): Promise<LabNginx> {
  const folder = mkdtempSync(join(tmpdir(), 'lab-nginx-'))
  chmodSync(folder, 0o711)
  const log = join(folder, 'access.log')
  writeFileSync(join(folder, 'nginx.conf'), configuration(log, http, around))
  const child = spawn(
    'ip',
    [
      'netns',
      'exec',
      namespace,
      ...(realtime && canRunRealtime() ? ['chrt', '-f', '20'] : []),
      around.program ?? 'nginx',
      '-p',
      `${folder}/`,
      '-e',
      'stderr',
      '-c',
      'nginx.conf',
    ],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` },
    },
  )
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const exited = once(child, 'exit')
  const ports = [...(http + (around.behind ?? '')).matchAll(/listen [^;]*?(\d+)(?: ssl)?(?: http2)?;/g)].map(
    ([, port]) => port!,
  )
  for (let attempt = 0; !(await listensOn(namespace, ports)); attempt++) {
    if ((child.exitCode ?? 0) !== 0 || (child.exitCode === 0 && around.daemon !== true) || attempt > 100)
      throw new Error(`nginx did not start: ${stderr}`)
    await sleep(30)
  }
  const master = (): number => pidIn(join(folder, 'nginx.pid'))
  // It listens before it writes its pid.
  for (let tries = 0; master() === 0; tries++) {
    if (tries > 300) throw new Error(`nginx has not written its pid: ${stderr}`)
    await sleep(30)
  }
  return {
    folder,
    pid: child.pid!,
    master,
    workers: async () => (await sh('pgrep', '-P', String(master()))).trim().split('\n').map(Number),
    attempts: () => linesOf(log).flatMap(attemptsOf),
    async logged(count) {
      for (let tries = 0; linesOf(log).flatMap(attemptsOf).length < count; tries++) {
        if (tries > 500) throw new Error(`nginx has not logged ${count} attempts`)
        await sleep(20)
      }
    },
    log: (name) => linesOf(join(folder, name)),
    async stop() {
      const newest = master()
      child.kill('SIGTERM')
      await exited
      // The master of a new binary is not our child.
      if (isOf(newest, folder)) await endMaster(newest)
      rmSync(folder, { recursive: true })
    },
  }
}

/** Those of one test: what it does not stop is stopped behind it. For a `describe`. */
export class LabNginxes {
  readonly #running = new Set<LabNginx>()

  constructor() {
    afterEach(async () => {
      for (const nginx of this.#running) await this.stop(nginx)
    })
  }

  async start(...options: Parameters<typeof startLabNginx>): Promise<LabNginx> {
    const nginx = await startLabNginx(...options)
    this.#running.add(nginx)
    return nginx
  }

  async stop(nginx: LabNginx): Promise<void> {
    if (this.#running.delete(nginx)) await nginx.stop()
  }
}

/** 0 while there is none: a binary upgrade renames the file, and a new one is empty at first. Signals to 0 would be for ourselves. */
function pidIn(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8'))
  } catch {
    return 0
  }
}

/** Never another process: the pid may be of another pid namespace. */
const isOf = (pid: number, folder: string): boolean =>
  existsSync(`/proc/${pid}/cmdline`) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder)

async function endMaster(pid: number): Promise<void> {
  process.kill(pid, 'SIGTERM')
  while (existsSync(`/proc/${pid}`)) await sleep(30)
}

async function listensOn(namespace: string, ports: readonly string[]): Promise<boolean> {
  const sockets = await inside(namespace, 'ss', '-Hltn')
  return ports.every((port) => sockets.includes(`:${port} `))
}

/** nginx logs retries as lists: `,` between attempts, ` : ` after an internal redirect. */
function attemptsOf(line: string): Attempt[] {
  const [method = '', target = '', ...lists] = line.split('|')
  const [backends = [], statuses = [], connects = [], headers = [], totals = [], sent = [], received = []] =
    lists.map((list) => list.split(/, | : /))
  if (backends[0] === '-') return []
  return backends.map((backend, i) => ({
    backend,
    method,
    target: target.split('?', 1)[0]!,
    status: numberOf(statuses[i]),
    connect: numberOf(connects[i]),
    header: numberOf(headers[i]),
    total: numberOf(totals[i]),
    sent: numberOf(sent[i]),
    received: numberOf(received[i]),
  }))
}

const numberOf = (text: string | undefined): number | null =>
  text === undefined || text === '-' ? null : Number(text)

const linesOf = (file: string): readonly string[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')

/** Another program; what stands before and behind all that a configuration of the lab has. */
interface Around {
  /** an absolute path where a daemon starts its program again (USR2) */
  readonly program?: string
  readonly daemon?: boolean
  readonly before?: string
  readonly behind?: string
}

const configuration = (
  log: string,
  http: string,
  { before = '', behind = '', daemon = false }: Around,
): string => `
${before}
daemon ${daemon ? 'on' : 'off'};
worker_processes 1;
pid nginx.pid;
error_log stderr crit;
events { worker_connections 8192; }
http {
  log_format attempts ${LOG};
  access_log ${log} attempts;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  keepalive_requests 10000000;
  client_max_body_size 100m;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  ${http}
}
${behind}
`
