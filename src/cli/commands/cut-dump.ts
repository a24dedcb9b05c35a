import { Command } from 'commander'
import { usageError } from '../../errors.ts'
import type { CutJob } from '../../triggers/cutting.ts'
import type { Io } from '../io.ts'

/** What a recorder starts to cut a dump: in no help. Its standard input is the recorder: with that it ends, and leaves nothing. */
export const cutDumpCommand = (io: Io): Command =>
  new Command('cut-dump').argument('<job>').action(async (text: string) => {
    const { cutDump } = await import('../dumping/cut-dump.ts')
    const stop = new AbortController()
    // The recorder ends it, not the signal of a terminal or a service manager, which the recorder has got, too.
    io.signal.addEventListener('abort', () => undefined)
    const end = (): void => stop.abort(usageError('the recorder has ended'))
    io.stdin.once('end', end).once('close', end).resume()
    try {
      io.stdout.write(`${JSON.stringify(await cutDump(jobOf(text), io.now(), stop.signal))}\n`)
    } finally {
      io.stdin.removeAllListeners().destroy()
    }
  })

function jobOf(text: string): CutJob {
  try {
    return JSON.parse(text) as CutJob
  } catch {
    throw usageError('cut-dump is what a recorder starts', 'To cut a recording: upstreamtop cut.')
  }
}
