import { existsSync } from 'node:fs'
import { Command } from 'commander'
import { usageError } from '../../errors.ts'
import type { Io } from '../io.ts'
import type { RecordFlags } from '../run-recorder.ts'
import { duration, size } from '../values/amount.ts'
import { addCaptureOptions, addPcapOptions } from '../values/capture.ts'
import { addCeilingOptions } from '../values/ceiling.ts'
import { refuseAddress } from '../values/file.ts'
import { addMetricsOptions } from '../values/metrics.ts'
import { seconds } from '../values/number.ts'
import { addTriggerOptions, triggerOptions } from '../values/triggers.ts'
import { addViewOptions } from '../values/view.ts'
import { commandAfterDashes } from '../watchers/child-command.ts'

export function recordCommand(io: Io): Command {
  const command = new Command('record')
    .description('the live leaderboard, and every second of it into a file')
    .usage('[options] [-- command...]')
    .argument('[command...]', 'after --: runs it while recording, and ends with it and its exit code')
    .requiredOption('--out <file>', 'the recording; never overwritten')
    .option('--append', 'go on with it, or begin it; what cannot be continued is moved aside')
    .option('--secs <n>', 'stop by itself after so many seconds (default: when stopped)', seconds('--secs'))
    .option('--keep <span>', 'forget what is older, for example 24h', duration('--keep'))
    .option(
      '--max-size <size>',
      'forget the oldest when the file is larger, for example 500MB',
      size('--max-size'),
    )
    .option('--min-free <size>', 'leave this much of the disk free, for example 1GB', size('--min-free'))
    .option('--quiet', 'no screen and no progress: the beginning, warnings and the end')
    .option('--json', 'like --quiet, and each second as a line of JSON on stdout (replay --json)')
    .addHelpText('after', EXAMPLES)
  addTriggerOptions(command)
  addCaptureOptions(command)
  addPcapOptions(command)
  addMetricsOptions(command)
  addCeilingOptions(command)
  addViewOptions(command, io)
  return command.action(async (operands: readonly string[], flags: RecordFlags) => {
    const words = commandAfterDashes(operands, io)
    refuseToOverwrite(flags)
    if (words !== null && flags.json === true) throw bothOnStdout()
    if (flags.pcap !== undefined && flags.pcap !== '-' && flags.secs !== undefined)
      throw notOfThisClock(flags.secs)
    const triggers = triggerOptions(flags)
    const { runRecorder } = await import('../run-recorder.ts')
    await runRecorder(io, flags, triggers, words)
  })
}

function refuseToOverwrite({ out, append }: RecordFlags): void {
  if (out === '-')
    throw usageError('--out "-": a recording is a file, not a stream', 'for example --out incident.db')
  refuseAddress('--out', out)
  if (append !== true && existsSync(out)) {
    throw usageError(
      `"${out}" exists, and a recording is never overwritten`,
      'choose another name, or --append to it',
    )
  }
}

const bothOnStdout = (): Error =>
  usageError(
    '--json and a command would both write to standard output',
    'Leave --json out; replay --json prints the same lines afterwards.',
  )

/** A file is read faster than it was captured. */
const notOfThisClock = (secs: number): Error =>
  usageError(
    `--secs ${secs} are seconds of this machine, and --pcap FILE has its own`,
    "Leave it out; 'upstreamtop cut' takes a part of the recording.",
  )

const EXAMPLES = `
Examples:
  sudo upstreamtop record --out incident.db                     until Ctrl-C
  sudo upstreamtop record --out ci.db --secs 60                 a minute, then a clean end
  sudo upstreamtop record --out ci.db -- npm test               while a test runs; ends with its exit code
  sudo upstreamtop record --out day.db --keep 24h --max-size 500MB
                                                                a flight recorder that may run for months
  sudo upstreamtop record --out day.db --keep 24h --on '5xx(*) > 5% for 10s' --exec './notify.sh "$1" "$2"'
                                                                what led to an incident is kept by itself; dump day.db does it now
  sudo upstreamtop record --out day.db --append --max-cpu 25% --max-memory 256MB
                                                                one that lists fewer requests when it would take more
  sudo upstreamtop record --out all.db --attach cgroup          nginx in every container and network namespace of this host
  sudo upstreamtop record --out web.db --cgroup /system.slice/nginx.service
                                                                one unit, container or pod: its control group
  sudo upstreamtop record --out day.db --keep 24h --metrics 127.0.0.1:9465
                                                                and counts for Prometheus at http://127.0.0.1:9465/metrics
  sudo upstreamtop record --out web.db --nginx-only --name 10.0.1.10:8080=api
                                                                no sidecars, and a name for what nginx only knows when it runs
  sudo upstreamtop record --out web.db --tls                    requests to proxy_pass https://, too; doctor --tls says what that costs
  upstreamtop record --out x.db --pcap dump.pcapng              from a capture of tcpdump or Wireshark: no rights needed
  upstreamtop record --out x.db --probe 'cat capture.ndjson'    from lines of the helper: no rights needed
`
