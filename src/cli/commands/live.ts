import { Command } from 'commander'
import { usageError } from '../../errors.ts'
import type { Io } from '../io.ts'
import { addCaptureOptions, addPcapOptions, captureOptions, type CaptureFlags } from '../values/capture.ts'
import { refuseRecording } from '../values/file.ts'
import { addMetricsOptions, withoutScrapes, type MetricsFlags } from '../values/metrics.ts'
import { seconds } from '../values/number.ts'
import { addViewOptions, type ViewFlags } from '../values/view.ts'

/** Per second; enough for several screens. Nothing is stored, and 1,000 would take a third of the CPU time of `live`. */
const REQUESTS_KEPT = 200

interface LiveFlags extends CaptureFlags, ViewFlags, MetricsFlags {
  readonly secs: number
  readonly json?: boolean
}

export function liveCommand(io: Io): Command {
  const command = new Command('live')
    .description('the leaderboard now; nothing is stored (the default command)')
    .option('--secs <n>', 'ends by itself after so many seconds', seconds('--secs'), 600)
    .option('--json', 'no screen: each second as a line of JSON (replay --json)')
    .addHelpText('after', EXAMPLES)
  addCaptureOptions(command, REQUESTS_KEPT)
  addPcapOptions(command)
  addMetricsOptions(command)
  addViewOptions(command, io)
  // Commander would only count the operands.
  return command.allowExcessArguments().action(async (flags: LiveFlags, { args }: Command) => {
    const [operand] = args
    refuseRecording(operand)
    if (operand !== undefined)
      throw usageError(`live takes options only, and "${operand}" is none`, 'See: upstreamtop live --help')
    const [{ capture }, { metricsOf }, { watch }, { jsonLines }] = await Promise.all([
      import('../capture.ts'),
      import('../metrics/running.ts'),
      import('../watch.ts'),
      import('../watchers/json-lines.ts'),
      import('../../render/detail.ts'), // The user who called sudo may not be able to read it later.
    ])
    const metrics = metricsOf(io, flags)
    await capture(io, {
      capture: withoutScrapes(captureOptions(flags), flags),
      seconds: flags.secs,
      arguments: io.args,
      openSink: null,
      prepare: metrics.open,
      watchers: (meta, stop) => [
        ...metrics.watchers(meta),
        flags.json === true ? jsonLines(io, meta, flags, false) : watch(io, meta, flags, null, stop),
      ],
    })
  })
}

const EXAMPLES = `
Examples:
  sudo upstreamtop                                  all interfaces; ? shows the keys
  sudo upstreamtop live --iface eth0 --sort p99     one interface, slowest backends first
  sudo upstreamtop live --only 10.0.1.0/24 --ignore 9090
                                                    some backends alone
  sudo upstreamtop live --attach cgroup             nginx in every container and network namespace of this host
  sudo upstreamtop live --nginx-only                what nginx sends, without sidecars and cron jobs
  sudo upstreamtop live --tls                       requests to proxy_pass https://, too
  ssh proxy1 sudo tcpdump -i eth0 -s 0 -U -w - tcp | upstreamtop live --pcap -
                                                    of another host, where nothing is installed
  sudo upstreamtop live --secs 60 | tee live.txt    pictures as text, one a second
  sudo upstreamtop live --json | jq .totals.rps     the same for programs
`
