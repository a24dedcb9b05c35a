/** A real recorder whose port is scraped. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const ROOT = join(import.meta.dirname, '../..')

export interface Scraped {
  readonly child: ChildProcess
  readonly url: string
  /** the exit code */
  readonly ended: Promise<number | null>
}

/** Starts the program and resolves when its port is open. */
export async function startScraped(...words: readonly string[]): Promise<Scraped> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts', ...words], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(child, 'exit').then(([code]) => code as number | null)
  let said = ''
  for await (const line of createInterface({ input: child.stderr })) {
    said += `${line}\n`
    const [, url] = /^metrics at (\S+)$/.exec(line) ?? []
    if (url === undefined) continue
    child.stderr.resume()
    return { child, url, ended }
  }
  throw new Error(`it ended before its port was open: ${said}`)
}

export async function scrape(url: string, accept = '*/*'): Promise<string> {
  const answer = await fetch(url, { headers: { accept } })
  return answer.text()
}
