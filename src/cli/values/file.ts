import { usageError } from '../../errors.ts'

/** Only replay and report read standard input. */
export function refuseStream(command: string, file: string): void {
  if (file === '-')
    throw usageError(`${command} "-": a file is needed here`, 'Only replay and report read standard input.')
}

/** Standard output is for text. */
export function refuseStandardOutput(option: string, file: string): void {
  if (file === '-')
    throw usageError(`${option} "-": a name is needed here`, 'Only text goes to standard output.')
}
