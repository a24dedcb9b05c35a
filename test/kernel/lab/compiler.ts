/** What tests of C on the host need. */
import { execFileSync } from 'node:child_process'

export function lacksCompiler(): string | false {
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' })
    return false
  } catch {
    return 'needs a C compiler: apt-get install gcc'
  }
}
