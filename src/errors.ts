/** The exit codes. Scripts rely on them. */
export const ExitCode = {
  done: 0,
  bug: 1,
  usage: 2,
  gateFailed: 3,
  system: 4,
  recording: 5,
  interrupted: 130,
} as const
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/**
 * A problem that the user can solve: one sentence about what happened, with the value in quotes, and the next step.
 * Any other error is a bug and is shown with its stack.
 */
export class UserError extends Error {
  override readonly name = 'UserError'
  constructor(
    readonly exitCode: ExitCode,
    message: string,
    readonly remedy?: string,
    /** further lines: the position in an expression, the rest of the helper's message */
    readonly details: readonly string[] = [],
  ) {
    super(message)
  }
}

/** Another process (of this program, or a command that was recorded) has said all; only its exit code is left to return. */
export class Delegated extends Error {
  constructor(readonly exitCode: number) {
    super('another process has done it')
  }
}

/** Wrong use of a command, an option or a value (exit 2). */
export const usageError = (message: string, remedy?: string): UserError =>
  new UserError(ExitCode.usage, message, remedy)

/** This system cannot do it: kernel, rights, a missing program (exit 4). */
export const systemError = (message: string, remedy?: string): UserError =>
  new UserError(ExitCode.system, message, remedy)

/** This recording cannot do it: damaged, foreign, newer (exit 5). */
export const recordingError = (message: string, remedy?: string): UserError =>
  new UserError(ExitCode.recording, message, remedy)
