/** Errors on their way from one thread to another, on which only their message would survive. */
import { UserError, type ExitCode } from './errors.ts'

export interface ThreadError {
  readonly message: string
  readonly stack: string | undefined
  /** of a system's error */
  readonly code: string | undefined
  readonly syscall: string | undefined
  /** of a UserError */
  readonly exitCode: ExitCode | undefined
  readonly remedy: string | undefined
}

export function packedError(reason: unknown): ThreadError {
  const error = reason instanceof Error ? reason : new Error(String(reason))
  const { code, syscall } = error as NodeJS.ErrnoException
  const user = error instanceof UserError ? error : null
  return {
    message: error.message,
    stack: error.stack,
    code,
    syscall,
    exitCode: user?.exitCode,
    remedy: user?.remedy,
  }
}

export function unpackedError({ message, stack, exitCode, remedy, code, syscall }: ThreadError): Error {
  if (exitCode !== undefined) return new UserError(exitCode, message, remedy)
  const error = new Error(message)
  return Object.assign(
    error,
    stack === undefined ? {} : { stack },
    syscall === undefined ? {} : { code, syscall },
  )
}
