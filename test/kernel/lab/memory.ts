/** Functions as they stand in a process's memory. A breakpoint is one byte of x86-64, 0xcc; elsewhere the instruction differs. */
import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'

/** The first 16 bytes, in hexadecimal. `file`: the end of the name of what is mapped, which names its symbols. */
export function codeOf(pid: number, file: string, symbol: string): string {
  const { start, path } = mappingOf(pid, file)
  const bytes = Buffer.alloc(16)
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  readSync(memory, bytes, 0, bytes.length, start + valueOf(path, symbol))
  closeSync(memory)
  return bytes.toString('hex')
}

/** Where the file's first byte lies: its addresses begin at 0, as those of every library and most programs. */
function mappingOf(pid: number, file: string): { readonly start: bigint; readonly path: string } {
  const line = readFileSync(`/proc/${pid}/maps`, 'utf8')
    .split('\n')
    .find((text) => / 00000000 \S+ \d+ +\//.test(text) && text.replace(/ \(deleted\)$/, '').endsWith(file))
  const [range, path] = [line?.split('-', 1)[0], line?.slice(line.indexOf('/'))]
  if (range === undefined || path === undefined) throw new Error(`process ${pid} has not mapped ${file}`)
  return { start: BigInt(`0x${range}`), path: path.endsWith(' (deleted)') ? `/proc/${pid}/exe` : path }
}

function valueOf(path: string, symbol: string): bigint {
  const symbols = execFileSync('nm', ['-D', '--defined-only', path], {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  })
  const value = new RegExp(`^([0-9a-f]+) . ${symbol}(?:@.*)?$`, 'm').exec(symbols)?.[1]
  if (value === undefined) throw new Error(`${path} has no ${symbol}`)
  return BigInt(`0x${value}`)
}
