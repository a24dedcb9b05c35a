/** The lines of a range as the report has them, as rows of the table. */
import { ratio } from '../../../frame/expression/measure.ts'
import { micros } from '../../../frame/model/units.ts'
import type { Subject } from '../../../frame/views/drilldown.ts'
import type { Entity } from '../../document/document.ts'
import type { Picture } from '../../picture/picture.ts'
import { sameSubject } from '../state/address.ts'
import type { Row } from '../state/rows.ts'

export interface LinesAnswer {
  readonly lines: readonly ReportLine[]
}

/** The fields that the table needs of a line of `report --format json`. */
type ReportLine = Pick<
  Entity,
  'requests' | 'rps' | 'answered' | 'status' | 'failures' | 'grpc' | 'header_ms'
> & {
  readonly backend: string
  readonly name?: string | null
  readonly method?: string
  readonly route?: string
  readonly share: number | null
  /** what a picture calls it */
  readonly subject: Subject | null
}

export const rowsOfLines = ({ lines }: LinesAnswer, picture: Picture): readonly Row[] =>
  lines.map((line) => {
    const subject = line.subject ?? { backend: line.backend, route: null }
    return {
      ...figuresOf(line),
      subject,
      label: labelIn(picture, subject, line),
      owner: `${subject.backend} ${line.name ?? ''}`,
    }
  })

/** Of several lines of one address only the names of a line tell which one it is. */
function labelIn({ lines }: Picture, subject: Subject, line: ReportLine): string {
  const [first, ...others] = lines.filter((each) => sameSubject(each.subject, subject))
  return first === undefined || others.length > 0 ? labelOf(line) : first.label
}

function figuresOf(line: ReportLine): Omit<Row, 'subject' | 'label' | 'owner'> {
  const { requests, rps, share, header_ms: header, status, answered } = line
  const ended = sum(Object.values(line.grpc ?? {}))
  const errors = ended - (line.grpc?.['0'] ?? 0)
  const time = (millis: number | null): Row['p50'] => (millis === null ? null : micros(millis * 1000))
  return {
    requests,
    rps,
    share,
    p50: time(header.p50),
    p99: time(header.p99),
    timesUnknown: false,
    fivexx: { count: status['5xx'], share: ratio(status['5xx'], answered) },
    grpc: ended === 0 ? null : { count: errors, share: errors / ended },
    failures: sum(Object.values(line.failures)),
  }
}

/** Of a line that found no room in the picture. */
const labelOf = ({ backend, name, method, route }: ReportLine): string => {
  if (method !== undefined && route !== undefined) return `${method} ${route}`
  return name == null ? backend : `${name} · ${backend}`
}

const sum = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0)
