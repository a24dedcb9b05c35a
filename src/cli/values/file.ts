import { statSync } from 'node:fs'
import { usageError } from '../../errors.ts'
import { quotedFile } from '../../shell.ts'

/** Only replay and report read standard input. */
export function refuseStream(command: string, file: string): void {
  if (file === '-')
    throw usageError(`${command} "-": a file is needed here`, 'Only replay and report read standard input.')
}

/** Only text is written to standard output, and nothing to an address. */
export function refuseStandardOutput(option: string, file: string): void {
  refuseAddress(option, file)
  if (file === '-')
    throw usageError(`${option} "-": a name is needed here`, 'Only text goes to standard output.')
}

/** `upstreamtop a.db`, as other players of recordings are called. @param word where a command is expected, or `live` has no operand */
export function refuseRecording(word: string | undefined): void {
  if (word !== undefined && looksLikeFile(word))
    throw usageError(
      `"${word}" is no command`,
      `To look at a recording: upstreamtop replay ${quotedFile(word)}`,
    )
}

const looksLikeFile = (word: string): boolean =>
  word === '-' || /\.db(\.gz)?$|\//i.test(word) || (word !== 'help' && isFile(word))

function isFile(name: string): boolean {
  try {
    return statSync(name).isFile()
  } catch {
    return false
  }
}

/** `s3://bucket/lake` would become a folder `s3:` here. */
export function refuseAddress(option: string, file: string): void {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(file))
    throw usageError(
      `${option} "${file}" is an address, and only files of this system are written`,
      'Write it here, and copy that, for example with aws s3 cp --recursive or rclone.',
    )
}
