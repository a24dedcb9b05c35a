/** A current ClickHouse (chdb, half a gigabyte: only where it is installed), behind HTTP like the servers. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const ROOT = join(import.meta.dirname, '../..')
/** CHDB=/path/to/node_modules/chdb/index.mjs, or where `make fleet-test` puts it. */
const CHDB = [process.env.CHDB, join(ROOT, 'build/chdb/node_modules/chdb/index.mjs')].find(
  (path) => path !== undefined && existsSync(path),
)
export const WITHOUT_CHDB = CHDB === undefined ? 'needs chdb: make fleet-test installs it' : false

export interface Current {
  readonly url: string
  stop(): Promise<void>
}

export async function startCurrent(folder: string): Promise<Current> {
  const child = spawn(
    'setpriv',
    [
      '--pdeathsig',
      'KILL',
      process.execPath,
      '--import',
      'tsx',
      join(import.meta.dirname, 'chdb-server.ts'),
      CHDB!,
      folder,
    ],
    { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const [port] = (await once(createInterface(child.stdout), 'line')) as [string]
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}
