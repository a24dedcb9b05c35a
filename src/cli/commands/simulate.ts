import { Command } from 'commander'
import { jsonText } from '../../render/text.ts'
import type { Io } from '../io.ts'
import { seconds, wholeNumber } from '../values/number.ts'

interface SimulateFlags {
  readonly port: number
  readonly workers: number
  readonly duration: number
  readonly ledger?: string
}

export function simulateCommand(io: Io): Command {
  return new Command('simulate')
    .description('a real nginx in front of four backends under load, to try upstreamtop on')
    .option('--port <port>', 'port of nginx', wholeNumber('--port', 1, 65_535), 8080)
    .option('--workers <n>', 'clients that each wait for their answer', wholeNumber('--workers', 1, 1000), 4)
    .option('--duration <seconds>', 'how long; 0 is until stopped', seconds('--duration'), 0)
    .option('--ledger <file>', 'write what the backends counted as JSON at the end; - is standard output')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: SimulateFlags) => {
      const { BACKEND_PORTS, simulate } = await import('../../simulate/simulation.ts')
      const { port, workers, duration, ledger } = flags
      const limit = duration > 0 ? `for ${duration} s` : 'until stopped'
      const result = await simulate({
        port,
        workers,
        seconds: duration,
        ledger: ledger === undefined || ledger === '-' ? null : ledger,
        backends: BACKEND_PORTS,
        env: io.env,
        signal: io.signal,
        started: (hasCart) => {
          io.stderr.line(`simulating on http://127.0.0.1:${port}/ with ${workers} workers ${limit}`)
          if (!hasCart) io.stderr.line('this nginx was built without HTTP/2: no gRPC, nothing on :9004')
        },
      })
      const { requests } = result.ledger.totals
      io.stderr.line(`${requests} requests in ${result.seconds.toFixed(1)} s`)
      if (result.broken > 0) io.stderr.line(`${result.broken} connections to nginx broke`)
      if (ledger === '-') io.stdout.write(`${jsonText(result.ledger)}\n`)
      else if (ledger !== undefined) io.stderr.line(`ledger: ${ledger}`)
    })
}

const EXAMPLES = `
Examples:
  upstreamtop simulate --workers 24                     until Ctrl-C, on http://127.0.0.1:8080/
  upstreamtop simulate --duration 60 --ledger truth.json
                                                        a minute, and what the backends counted

nginx passes / to :9001 and :9002 (a pool), /healthz to :9001, /static/ to :9002 and /checkout to :9003,
which takes 60 to 160 ms and fails 12 % of the time. It passes gRPC (/shop.Cart/GetCart, AddItem, WatchCart, which streams
its answer) to :9004, where 4 % are UNAVAILABLE. Everything listens on 127.0.0.1 and is gone at the end.
`
