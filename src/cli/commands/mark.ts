import { Command, Option } from 'commander'
import { recordingError, usageError } from '../../errors.ts'
import type { Marker } from '../../frame/model/frame.ts'
import { wallMicros, type WallMicros } from '../../frame/model/units.ts'
import type { TimeScope } from '../../frame/time/time.ts'
import { isoLocal } from '../../frame/time/timezone.ts'
import type { Io } from '../io.ts'
import { refuseStream } from '../values/file.ts'
import { timeOption, timeScope } from '../values/time.ts'

interface MarkFlags {
  readonly at?: string
  readonly kind: Marker['kind']
}

export function markCommand(io: Io): Command {
  return new Command('mark')
    .description('write a note into a recording, also while it is being recorded')
    .argument('<file>', 'the recording')
    .argument('<text>', 'what happened')
    .option(
      '--at <time>',
      'when, for example 14:02 or 30% (default: now while it is being recorded, else its end)',
    )
    .addOption(new Option('--kind <kind>', 'what it is').choices(['note', 'deploy']).default('note'))
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, text: string, { at, kind }: MarkFlags) => {
      refuseStream('mark', file)
      if (text.trim() === '') throw usageError('the text of a marker is empty', 'Say what happened.')
      const { openRecording } = await import('../../store/read/reader.ts')
      const { markRecording } = await import('../../store/write/mark.ts')
      const recording = openRecording(file)
      const scope = timeScope(recording, io)
      const isRunning = recording.recorder !== null
      recording.close()
      if (!isRunning && recording.ticks.length === 0)
        throw recordingError(
          `"${file}" has no ticks: it has no time to be marked`,
          'Mark it while it is being recorded.',
        )
      const time =
        at === undefined ? (isRunning ? scope.now : lastMoment(scope)) : timeOption('--at', at, scope)
      markRecording(file, { at: time, kind, text })
      if (at === undefined && !isRunning) {
        const when = isoLocal(time, scope.timeZone)
        io.stderr.line(`"${file}" has ended: marked at its end, ${when}; --at says another time`)
      }
    })
}

/** The last µs of the range, which does not contain its end. */
const lastMoment = ({ span }: TimeScope): WallMicros => wallMicros(Math.max(span.from, span.to - 1))

const EXAMPLES = `
Examples:
  upstreamtop mark incident.db 'rolled back' --at 14:21
  upstreamtop mark live.db 'deploy 4711' --kind deploy          while it is being recorded
  upstreamtop replay incident.db --at '@rolled back'            markers are places to go to
`
