/** The command simulate: a real nginx, four backends and a load, for users without a production proxy. */
import { access, constants, rename, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { usageError } from '../errors.ts'
import { removeStaleOf, temporaryOf } from '../temporary.ts'
import { startBackends, type BackendPorts } from './backends.ts'
import { Ledger, type LedgerReport } from './ledger.ts'
import { runLoad, type LoadResult } from './load.ts'
import { installedNginx, speaksGrpc, startNginx, type Nginx } from './nginx.ts'

export interface SimulationOptions {
  readonly port: number
  readonly workers: number
  /** 0: until `signal` is aborted */
  readonly seconds: number
  /** the file for the backends' own counts; null for none */
  readonly ledger: string | null
  readonly backends: BackendPorts
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
  /** called once the traffic is about to start; `hasCart`: gRPC is a part of it */
  readonly started: (hasCart: boolean) => void
}

export interface SimulationResult extends LoadResult {
  readonly ledger: LedgerReport
  readonly seconds: number
}

export const BACKEND_PORTS: BackendPorts = { fast: [9001, 9002], checkout: 9003, cart: 9004 }

/** @throws UserError when a port is in use, nginx is missing or ends, or the ledger cannot be written */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  if (options.ledger !== null) await requireWritable(options.ledger)
  const stop = new AbortController()
  const onStop = (): void => stop.abort()
  // Added first of all: a signal without a listener ends the program at once (cli/signals.ts).
  options.signal.addEventListener('abort', onStop)
  try {
    const program = await installedNginx(options.env)
    const ports = (await speaksGrpc(program)) ? options.backends : { ...options.backends, cart: null }
    return await simulateWith(program, ports, options, stop)
  } finally {
    options.signal.removeEventListener('abort', onStop)
  }
}

async function simulateWith(
  program: string,
  ports: BackendPorts,
  options: SimulationOptions,
  stop: AbortController,
): Promise<SimulationResult> {
  const ledger = new Ledger()
  const backends = await startBackends(ports, ledger)
  try {
    const nginx = await startNginx(program, options.port, ports)
    const began = performance.now()
    try {
      options.started(nginx.cart !== null)
      const load = await loadFor(options, nginx, stop)
      const result = { ...load, ledger: ledger.report(), seconds: (performance.now() - began) / 1000 }
      if (options.ledger !== null) await writeWhole(options.ledger, result.ledger)
      return result
    } finally {
      await nginx.stop()
    }
  } finally {
    await backends.close()
  }
}

/** The load ends when its time is over, on a signal, or when nginx ends. Open requests are awaited. */
async function loadFor(options: SimulationOptions, nginx: Nginx, stop: AbortController): Promise<LoadResult> {
  const load = runLoad({ port: options.port, cart: nginx.cart }, options.workers, stop.signal)
  const timer = options.seconds > 0 ? setTimeout(() => stop.abort(), options.seconds * 1000) : undefined
  try {
    return await Promise.race([load, nginx.failed])
  } finally {
    clearTimeout(timer)
    stop.abort()
    await load
  }
}

async function requireWritable(file: string): Promise<void> {
  const folder = dirname(resolve(file))
  try {
    await access(folder, constants.W_OK)
  } catch (error) {
    throw usageError(
      `the ledger "${file}" cannot be written: ${(error as Error).message}`,
      'name a folder that is yours',
    )
  }
}

/** Writes a temporary file and renames it, so that the ledger is complete or absent. */
async function writeWhole(file: string, report: LedgerReport): Promise<void> {
  await removeStaleOf(file)
  const temporary = temporaryOf(file)
  await writeFile(temporary, `${JSON.stringify(report, null, 2)}\n`, { flag: 'wx' })
  await rename(temporary, file)
}
