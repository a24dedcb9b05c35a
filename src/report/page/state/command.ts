/** The command that lists what the page does not have. */
import { wallMicros } from '../../../frame/model/units.ts'
import { isoLocal } from '../../../frame/time/timezone.ts'
import type { Subject } from '../../../frame/views/drilldown.ts'
import { quoted, quotedFile } from '../../../shell.ts'
import type { Range } from './address.ts'

/** Requests of a range, with those that are wanted among them. @param file as the user named it */
export function requestsCommand(
  file: string,
  { from, to }: Range,
  subject: Subject | null,
  zone: string,
): string {
  const words = ['upstreamtop', 'requests', quotedFile(file)]
  words.push('--from', moment(from, zone), '--to', moment(to, zone))
  const where = whereOf(subject)
  if (where !== null) words.push('--where', quoted(where))
  return words.join(' ')
}

/** An expression has two kinds of quotes, and no escapes: a text with both cannot be said, and is left out. */
function whereOf(subject: Subject | null): string | null {
  if (subject === null) return null
  const address = subject.backend.slice(subject.backend.indexOf(' ') + 1)
  const [method, path] = subject.route === null ? [null, null] : cutAtSpace(subject.route)
  const tests = [test('backend', address), test('method', method), test('route', path)]
  const said = tests.filter((each) => each !== null)
  return said.length === 0 ? null : said.join(' and ')
}

function test(field: string, value: string | null): string | null {
  if (value === null) return null
  const quote = value.includes("'") ? '"' : "'"
  return value.includes(quote) ? null : `${field} = ${quote}${value}${quote}`
}

const cutAtSpace = (route: string): readonly [string, string] => {
  const space = route.indexOf(' ')
  return [route.slice(0, space), route.slice(space + 1)]
}

const moment = (second: number, zone: string): string => isoLocal(wallMicros(Math.round(second * 1e6)), zone)
