/** Runs a real nginx in the foreground, with its own temporary folder and configuration. It ends with this process. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { access, chmod, constants, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { systemError } from '../errors.ts'
import type { BackendPorts } from './backends.ts'

export interface Nginx {
  /** the socket where it takes gRPC; null: it speaks none */
  readonly cart: string | null
  /** Rejects when nginx ends by itself. */
  readonly failed: Promise<never>
  /** Lets open requests finish, then ends nginx and removes its folder. */
  stop(): Promise<void>
}

export async function startNginx(program: string, port: number, backends: BackendPorts): Promise<Nginx> {
  await requireFree(port)
  const folder = await mkdtemp(join(tmpdir(), 'upstreamtop-simulate-'))
  try {
    // If nginx runs as root, its workers are another user, who must be able to enter the folder.
    await chmod(folder, 0o711)
    const cart = backends.cart === null ? null : { socket: join(folder, 'cart.sock'), port: backends.cart }
    await writeFile(join(folder, 'nginx.conf'), configuration(port, backends, cart))
    return { ...(await run(program, folder, port)), cart: cart?.socket ?? null }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

async function run(program: string, folder: string, port: number): Promise<Omit<Nginx, 'cart'>> {
  // In its own process group, so that Ctrl-C does not reach it: this process ends it when the last answer has arrived.
  const child = spawn(program, ['-p', `${folder}/`, '-e', 'stderr', '-c', 'nginx.conf'], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-2000)))
  const exited = once(child, 'exit')
  const failed = exited.then(() => {
    throw systemError(`nginx ended: ${stderr.trim() || 'without a word'}`, `its program is ${program}`)
  })
  failed.catch(() => undefined)
  const guard = child.pid === undefined ? undefined : guardian(child.pid, folder)
  const stop = async (): Promise<void> => {
    child.kill('SIGQUIT')
    const late = setTimeout(() => child.kill('SIGTERM'), 2000)
    await exited
    clearTimeout(late)
    guard?.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await Promise.race([answering(port), failed])
  } catch (error) {
    if (child.exitCode === null && child.signalCode === null) await stop()
    else guard?.kill('SIGKILL')
    throw error
  }
  return { failed, stop }
}

/** A shell that ends nginx and removes its folder if this process dies, even by kill -9: its stdin is closed then. */
function guardian(pid: number, folder: string): ChildProcess {
  const script = 'read -r _; kill -TERM "$1" && rm -rf "$2"'
  const child = spawn('sh', ['-c', script, 'simulate-guardian', String(pid), folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  child.on('error', () => undefined)
  child.unref()
  return child
}

/** @throws UserError where nginx is not installed */
export const installedNginx = (env: Readonly<Record<string, string | undefined>>): Promise<string> =>
  findNginx(programFolders(env.PATH))

/** Whether it was built with HTTP/2, without which it has no grpc_pass. */
export async function speaksGrpc(program: string): Promise<boolean> {
  const { stderr } = await promisify(execFile)(program, ['-V'])
  return stderr.includes('--with-http_v2_module') && !stderr.includes('--without-http_grpc_module')
}

/** The first nginx in one of the folders. */
export async function findNginx(folders: readonly string[]): Promise<string> {
  for (const folder of folders.filter((name) => name !== '')) {
    const program = join(folder, 'nginx')
    try {
      await access(program, constants.X_OK)
      return program
    } catch {
      // not here
    }
  }
  throw systemError('nginx is not installed', 'on Debian and Ubuntu: apt-get install nginx-light')
}

/** A user's PATH on Debian lacks the sbin folders, where nginx is. */
const programFolders = (path = ''): readonly string[] => [
  ...path.split(':'),
  '/usr/sbin',
  '/usr/local/sbin',
  '/usr/local/nginx/sbin',
]

async function requireFree(port: number): Promise<void> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (error) {
    throw systemError(
      `port "${port}" cannot be used for nginx: ${(error as Error).message}`,
      'give another one with --port',
    )
  }
  server.close()
  await once(server, 'close')
}

async function answering(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch {
      await sleep(25)
    } finally {
      socket.destroy()
    }
  }
  throw systemError(`nginx does not answer on port "${port}" after 5 s`)
}

/** Few headers, so that `GET /` leaves nginx as one segment of 61 bytes. */
const configuration = (port: number, { fast, checkout }: BackendPorts, cart: Cart | null): string => `
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  keepalive_timeout 3600s;
  keepalive_requests 1000000000;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host localhost;
  upstream fast { ${fast.map((backend) => `server 127.0.0.1:${backend};`).join(' ')} keepalive 64; }
  upstream health { server 127.0.0.1:${fast[0]}; keepalive 16; }
  upstream static { server 127.0.0.1:${fast[1]}; keepalive 16; }
  upstream checkout { server 127.0.0.1:${checkout}; keepalive 64; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://fast; }
    location = /healthz { proxy_pass http://health; }
    location /static/ { proxy_pass http://static; }
    location = /checkout { proxy_pass http://checkout; }
  }${cart === null ? '' : cartServer(cart)}
}
`

interface Cart {
  readonly socket: string
  readonly port: number
}

/** A socket of its own: before 1.25 a port takes either HTTP/1 or, without TLS, HTTP/2. */
const cartServer = ({ socket, port }: Cart): string => `
  upstream cart { server 127.0.0.1:${port}; keepalive 64; }
  server {
    listen unix:${socket} http2;
    location /shop.Cart/ { grpc_pass grpc://cart; }
  }`
