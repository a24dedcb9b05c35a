/** Progress of long work on stderr: rewritten in place on a terminal, a line now and then elsewhere. */
import { exactCount, longSpan } from '../../render/quantities.ts'
import type { Io } from '../io.ts'

/** @param what the unit of the rows, as in `rows` */
export function progressTo(io: Io, what: string): (done: number, of: number, rows: number) => void {
  const started = io.now()
  const terminal = io.stderr.isTTY
  let next = started + (terminal ? 300 : 5000)
  return (done, of, rows) => {
    const now = io.now()
    if (now < next) return
    next = now + (terminal ? 300 : 5000)
    const seconds = (now - started) / 1000
    const left = done === 0 ? '' : `, ${longSpan(Math.ceil((seconds * (of - done)) / done) * 1e6)} left`
    const line = `${Math.floor((100 * done) / of)} %: ${exactCount(rows)} ${what}, ${exactCount(Math.round(rows / seconds))} a second${left}`
    if (terminal) io.stderr.inPlace(line)
    else io.stderr.line(line)
  }
}
