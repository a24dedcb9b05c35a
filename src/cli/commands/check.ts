import { Command } from 'commander'
import { recordingError, UserError, ExitCode } from '../../errors.ts'
import type { Io } from '../io.ts'
import { refuseStream } from '../values/file.ts'

export function checkCommand(io: Io): Command {
  return new Command('check')
    .description(
      'is a recording whole? every page, every tick against its checksum, every sum, the books of the recorder',
    )
    .argument('<file>', 'the recording')
    .addHelpText('after', DETAILS)
    .action(async (file: string) => {
      refuseStream('check', file)
      const { checkRecording } = await import('../../store/check.ts')
      const { progressOf } = await import('../progress.ts')
      const progress = progressOf(io, 'checking')
      const { state, problems, notes, ticks } = await checkRecording(file, progress)
      progress.done()
      const lines = [
        `${file}: ${state}, ${ticks} ticks`,
        ...problems.map((words) => `  ! ${words}`),
        ...notes.map((words) => `  ${words}`),
      ]
      io.stdout.write(`${lines.join('\n')}\n`)
      if (state === 'recoverable') {
        throw new UserError(
          ExitCode.gateFailed,
          `"${file}" is damaged`,
          `Save the rest: upstreamtop repair ${file} -o saved.db`,
        )
      }
      if (state === 'lost') throw recordingError(`"${file}" is lost`, 'Look for another copy of it.')
    })
}

const DETAILS = `
Exit code: 0 whole, 3 damaged but recoverable, 5 lost or no recording.

Examples:
  upstreamtop check incident.db
  upstreamtop check incident.db || upstreamtop repair incident.db -o saved.db
`
