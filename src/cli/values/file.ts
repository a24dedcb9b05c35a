import { usageError } from '../../errors.ts'

/** Only replay and report read standard input. */
export function refuseStream(command: string, file: string): void {
  if (file === '-')
    throw usageError(`${command} "-": a file is needed here`, 'Only replay and report read standard input.')
}

/** Only text is written to standard output. */
export function refuseStandardOutput(option: string, file: string): void {
  if (file === '-')
    throw usageError(`${option} "-": a name is needed here`, 'Only text goes to standard output.')
}
