/** What `record` runs: the file, the screen or lines, and what else receives the frames. */
import { setFlagsFromString } from 'node:v8'
import { Delegated, ExitCode } from '../errors.ts'
import type { Marker } from '../frame/model/frame.ts'
import type { Micros } from '../frame/model/units.ts'
// Loads what is needed later: then, as the user who called sudo, we may not be able to read our own installation.
import '../render/detail.ts'
import { openScratch } from '../store/sqlite/database.ts'
import { openLasting, type LastingSink } from '../store/write/lasting.ts'
import { capture, type CaptureMeta, type Watcher } from './capture.ts'
import { watchTriggers } from './dumping/triggers.ts'
import type { Io } from './io.ts'
import { metricsOf } from './metrics/running.ts'
import { captureOptions, type CaptureFlags } from './values/capture.ts'
import { thinnerOf, type CeilingFlags } from './values/ceiling.ts'
import { withoutScrapes, type MetricsFlags } from './values/metrics.ts'
import { checkFolder, type TriggerFlags, type TriggerOptions } from './values/triggers.ts'
import type { ViewFlags } from './values/view.ts'
import { watch, type RecordedFile } from './watch.ts'
import { startCommand, type ChildCommand, type Words } from './watchers/child-command.ts'
import { jsonLines } from './watchers/json-lines.ts'

/** The options of the command line. */
export interface RecordFlags extends CaptureFlags, ViewFlags, CeilingFlags, MetricsFlags, TriggerFlags {
  readonly out: string
  readonly append?: boolean
  readonly quiet?: boolean
  readonly json?: boolean
  readonly secs?: number
  readonly keep?: Micros
  readonly maxSize?: number
  readonly minFree?: number
}

/** @param words a command to run meanwhile, whose exit code is ours @throws UserError */
export async function runRecorder(
  io: Io,
  flags: RecordFlags,
  triggers: TriggerOptions,
  words: Words | null,
): Promise<void> {
  // A recorder may run for months. This takes 80 MB instead of 105 at 200 routes per second, for slightly more CPU time.
  setFlagsFromString('--semi-space-growth-factor=1')
  openScratch().close()
  let sink: LastingSink | null = null
  let child: ChildCommand | null = null
  let elsewhere: ((text: string) => void) | null = null
  const say = (text: string): void => (elsewhere === null ? io.stderr.line(text) : elsewhere(text))
  const warn = (text: string): void => say(elsewhere === null ? `upstreamtop: ${text}` : text)
  io.onIgnoredSignal?.((name) => warn(`${name} is ignored: SIGTERM, SIGINT or SIGHUP ends the recording`))
  const isQuiet = flags.quiet === true || flags.json === true
  const recorded: RecordedFile = {
    file: flags.out,
    mark: (marker) => sink?.mark(marker),
    divert: (to) => (elsewhere = to),
    quiet: isQuiet || words !== null || isFile(flags),
  }
  const thinner = thinnerOf(flags)
  const metrics = metricsOf(io, flags, {
    isQuiet: flags.quiet === true,
    thinner,
    // Whoever goes on with a recording has one that is always on: metrics are less than that.
    sayTaken: flags.append === true ? warn : undefined,
  })
  const openSink = (meta: CaptureMeta): LastingSink => {
    // Under sudo this is the caller by now.
    if (triggers.into !== null) checkFolder(triggers.into)
    const { append, keep, maxSize, minFree } = flags
    const durable = !canBeRepeated(flags, triggers)
    sink = openLasting(flags.out, meta, { append, keep, maxSize, minFree, warn, durable })
    io.stderr.line(`recording ${meta.interfaces.join(', ')} to ${flags.out}`)
    return sink
  }
  const triggersBeside = (meta: CaptureMeta, screen: Watcher): Watcher =>
    watchTriggers(io, meta, triggers, {
      path: () => sink?.path ?? flags.out,
      minFree: flags.minFree ?? null,
      mark: (marker: Marker) => {
        recorded.mark(marker)
        screen.marker(marker)
      },
      say,
      settle: () => sink?.settle(),
    })
  await capture(io, {
    capture: withoutScrapes(captureOptions(flags), flags),
    seconds: flags.secs ?? null,
    arguments: io.args,
    thinner,
    openSink,
    prepare: metrics.open,
    showsProgress: isFile(flags) && !isQuiet,
    watchers: (meta, stop) => {
      const screen = watch(io, meta, flags, recorded, stop)
      return [
        ...metrics.watchers(meta),
        screen,
        ...(flags.json === true ? [jsonLines(io, meta, flags, true)] : []),
        triggersBeside(meta, screen),
        ...(words === null ? [] : [(child = startCommand(words, io, stop))]),
      ]
    },
  })
  const code = (child as ChildCommand | null)?.exitCode() ?? ExitCode.done
  if (code !== ExitCode.done) throw new Delegated(code)
}

/**
 * A capture in a file is there again tomorrow: a tick of it needs no transaction of its own, which would be the half of what it costs
 * to write. A dump reads the recording meanwhile, and another one may be gone on with.
 */
const canBeRepeated = (flags: RecordFlags, { triggers }: TriggerOptions): boolean =>
  isFile(flags) && flags.append !== true && triggers.length === 0

/** A capture that is read as fast as it can be: hundreds of ticks a second, which are no screen. */
const isFile = ({ pcap }: RecordFlags): boolean => pcap !== undefined && pcap !== '-'
