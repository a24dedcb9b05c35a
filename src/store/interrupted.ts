import { ExitCode, UserError } from '../errors.ts'

export const interrupted = (): UserError =>
  new UserError(ExitCode.interrupted, 'interrupted: nothing was kept')
