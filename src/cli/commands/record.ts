import { existsSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { Command } from 'commander'
import { usageError } from '../../errors.ts'
import type { Micros } from '../../frame/model/units.ts'
import type { Marker } from '../../frame/model/frame.ts'
import type { LastingSink } from '../../store/write/lasting.ts'
import type { Io } from '../io.ts'
import { duration, size } from '../values/amount.ts'
import { addCaptureOptions, captureOptions, type CaptureFlags } from '../values/capture.ts'
import { refuseAddress } from '../values/file.ts'
import { seconds } from '../values/number.ts'
import { addTriggerOptions, checkFolder, triggerOptions, type TriggerFlags } from '../values/triggers.ts'
import { addViewOptions, type ViewFlags } from '../values/view.ts'
import type { RecordedFile } from '../watch.ts'

interface RecordFlags extends CaptureFlags, ViewFlags, TriggerFlags {
  readonly out: string
  readonly append?: boolean
  readonly quiet?: boolean
  readonly secs?: number
  readonly keep?: Micros
  readonly maxSize?: number
  readonly minFree?: number
}

export function recordCommand(io: Io): Command {
  const command = new Command('record')
    .description('the live leaderboard, and every second of it into a file')
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
    .addHelpText('after', EXAMPLES)
  addTriggerOptions(command)
  addCaptureOptions(command)
  addViewOptions(command, io)
  return command.action(async (flags: RecordFlags) => {
    refuseToOverwrite(flags)
    const triggers = triggerOptions(flags)
    // A recorder may run for months. This takes 80 MB instead of 105 at 200 routes per second, for slightly more CPU time.
    setFlagsFromString('--semi-space-growth-factor=1')
    const [{ capture }, { openLasting }, { watch }, { watchTriggers }, { openScratch }] = await Promise.all([
      import('../capture.ts'),
      import('../../store/write/lasting.ts'),
      import('../watch.ts'),
      import('../dumping/triggers.ts'),
      import('../../store/sqlite/database.ts'),
      import('../../render/detail.ts'),
    ])
    // Loads the SQLite library. Later, as the user who called sudo, we may not be able to read our own installation.
    openScratch().close()
    let sink: LastingSink | null = null
    let elsewhere: ((text: string) => void) | null = null
    const say = (text: string): void => (elsewhere === null ? io.stderr.line(text) : elsewhere(text))
    const warn = (text: string): void => say(elsewhere === null ? `upstreamtop: ${text}` : text)
    io.onIgnoredSignal?.((name) => warn(`${name} is ignored: SIGTERM, SIGINT or SIGHUP ends the recording`))
    const recorded: RecordedFile = {
      file: flags.out,
      mark: (marker) => sink?.mark(marker),
      divert: (to) => (elsewhere = to),
      quiet: flags.quiet === true,
    }
    await capture(io, {
      capture: captureOptions(flags),
      seconds: flags.secs ?? null,
      arguments: io.args,
      openSink: (meta) => {
        // Under sudo this is the caller by now.
        if (triggers.into !== null) checkFolder(triggers.into)
        sink = openLasting(flags.out, meta, {
          append: flags.append,
          keep: flags.keep,
          maxSize: flags.maxSize,
          minFree: flags.minFree,
          warn: (text) => warn(text),
        })
        io.stderr.line(`recording ${meta.interfaces.join(', ')} to ${flags.out}`)
        return sink
      },
      watchers: (meta, stop) => {
        const screen = watch(io, meta, flags, recorded, stop)
        const dumped = {
          path: () => sink?.path ?? flags.out,
          minFree: flags.minFree ?? null,
          mark: (marker: Marker) => {
            recorded.mark(marker)
            screen.marker(marker)
          },
          say,
          settle: () => sink?.settle(),
        }
        return [screen, watchTriggers(io, meta, triggers, dumped)]
      },
    })
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

const EXAMPLES = `
Examples:
  sudo upstreamtop record --out incident.db                     until Ctrl-C
  sudo upstreamtop record --out ci.db --secs 60                 a minute, then a clean end
  sudo upstreamtop record --out day.db --keep 24h --max-size 500MB
                                                                a flight recorder that may run for months
  sudo upstreamtop record --out day.db --keep 24h --on '5xx(*) > 5% for 10s' --exec './notify.sh "$1" "$2"'
                                                                what led to an incident is kept by itself; dump day.db does it now
  sudo upstreamtop record --out all.db --attach cgroup          nginx in every container and network namespace of this host
  sudo upstreamtop record --out web.db --cgroup /system.slice/nginx.service
                                                                one unit, container or pod: its control group
  sudo upstreamtop record --out web.db --nginx-only --name 10.0.1.10:8080=api
                                                                no sidecars, and a name for what nginx only knows when it runs
  upstreamtop record --out x.db --probe 'cat capture.ndjson'    from lines of the helper: no rights needed
`
