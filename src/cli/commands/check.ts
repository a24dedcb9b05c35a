import { Command } from 'commander'
import { recordingError, UserError, ExitCode } from '../../errors.ts'
import { quotedFile } from '../../shell.ts'
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
      const { checkRecording } = await import('../../store/tools/check.ts')
      const { tickProgress } = await import('../progress.ts')
      const progress = tickProgress(io, 'checking')
      const { state, problems, notes, ticks } = await checkRecording(file, progress)
      progress.done()
      io.stdout.line(`${file}: ${state}, ${ticks} ticks`)
      for (const words of problems) io.stdout.line(`  ! ${words}`)
      for (const words of notes) io.stdout.line(`  ${words}`)
      if (state === 'recoverable') {
        throw new UserError(
          ExitCode.gateFailed,
          `"${file}" is damaged`,
          `Save the rest: upstreamtop repair ${quotedFile(file)} -o saved.db`,
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
