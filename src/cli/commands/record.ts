import { existsSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { Command } from 'commander'
import { Delegated, ExitCode, usageError } from '../../errors.ts'
import type { RecordingSink } from '../../frame/model/recording.ts'
import type { Micros } from '../../frame/model/units.ts'
import type { Io } from '../io.ts'
import { duration, size } from '../values/amount.ts'
import { addCaptureOptions, captureOptions, type CaptureFlags } from '../values/capture.ts'
import { addCeilingOptions, thinnerOf, type CeilingFlags } from '../values/ceiling.ts'
import { refuseAddress } from '../values/file.ts'
import { seconds } from '../values/number.ts'
import { addViewOptions, type ViewFlags } from '../values/view.ts'
import type { RecordedFile } from '../watch.ts'
import { commandAfterDashes, startCommand, type ChildCommand } from '../watchers/child-command.ts'

interface RecordFlags extends CaptureFlags, CeilingFlags, ViewFlags {
  readonly out: string
  readonly append?: boolean
  readonly quiet?: boolean
  readonly json?: boolean
  readonly secs?: number
  readonly keep?: Micros
  readonly maxSize?: number
  readonly minFree?: number
}

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
  addCaptureOptions(command)
  addCeilingOptions(command)
  addViewOptions(command, io)
  return command.action(async (operands: readonly string[], flags: RecordFlags) => {
    const words = commandAfterDashes(operands, io)
    refuseToOverwrite(flags)
    if (words !== null && flags.json === true) throw bothOnStdout()
    // A recorder may run for months. This takes 80 MB instead of 105 at 200 routes per second, for slightly more CPU time.
    setFlagsFromString('--semi-space-growth-factor=1')
    const [{ capture }, { openLasting }, { watch }, { jsonLines }, { openScratch }] = await Promise.all([
      import('../capture.ts'),
      import('../../store/write/lasting.ts'),
      import('../watch.ts'),
      import('../watchers/json-lines.ts'),
      import('../../store/sqlite/database.ts'),
      import('../../render/detail.ts'),
    ])
    // Loads the SQLite library. Later, as the user who called sudo, we may not be able to read our own installation.
    openScratch().close()
    let sink: RecordingSink | null = null
    let child: ChildCommand | null = null
    const toStderr = (text: string): void => io.stderr.line(`upstreamtop: ${text}`)
    let warn = toStderr
    io.onIgnoredSignal?.((name) => warn(`${name} is ignored: SIGTERM, SIGINT or SIGHUP ends the recording`))
    const recorded: RecordedFile = {
      file: flags.out,
      mark: (marker) => sink?.mark(marker),
      divert: (elsewhere) => (warn = elsewhere ?? toStderr),
      quiet: flags.quiet === true || flags.json === true || words !== null,
    }
    await capture(io, {
      capture: captureOptions(flags),
      seconds: flags.secs ?? null,
      arguments: io.args,
      thinner: thinnerOf(flags),
      openSink: (meta) => {
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
      watchers: (meta, stop) => [
        watch(io, meta, flags, recorded, stop),
        ...(flags.json === true ? [jsonLines(io, meta, flags, true)] : []),
        ...(words === null ? [] : [(child = startCommand(words, io, stop))]),
      ],
    })
    const code = (child as ChildCommand | null)?.exitCode() ?? ExitCode.done
    if (code !== ExitCode.done) throw new Delegated(code)
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

const EXAMPLES = `
Examples:
  sudo upstreamtop record --out incident.db                     until Ctrl-C
  sudo upstreamtop record --out ci.db --secs 60                 a minute, then a clean end
  sudo upstreamtop record --out ci.db -- npm test               while a test runs; ends with its exit code
  sudo upstreamtop record --out day.db --keep 24h --max-size 500MB
                                                                a flight recorder that may run for months
  sudo upstreamtop record --out day.db --append --max-cpu 25% --max-memory 256MB
                                                                one that lists fewer requests when it would take more
  sudo upstreamtop record --out all.db --attach cgroup          nginx in every container and network namespace of this host
  sudo upstreamtop record --out web.db --cgroup /system.slice/nginx.service
                                                                one unit, container or pod: its control group
  sudo upstreamtop record --out web.db --nginx-only --name 10.0.1.10:8080=api
                                                                no sidecars, and a name for what nginx only knows when it runs
  upstreamtop record --out x.db --probe 'cat capture.ndjson'    from lines of the helper: no rights needed
`
