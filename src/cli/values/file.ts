import { usageError } from '../../errors.ts'

/** Only replay and report read standard input. */
export function refuseStream(command: string, file: string): void {
  if (file === '-')
    throw usageError(`${command} "-": a file is needed here`, 'Only replay and report read standard input.')
}
