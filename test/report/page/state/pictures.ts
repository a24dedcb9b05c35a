/** A small picture: four steps of a second from 1,000 s on, the third a gap; a backend and a route of it. */
import type { PageFacts } from '../../../../src/report/picture/facts.ts'
import type { Picture, PictureLine } from '../../../../src/report/picture/picture.ts'
import { line } from '../draw/line.ts'

export const FROM = 1000
export const API = { backend: '1 10.0.1.10:8080', route: null }
export const ITEMS = { backend: API.backend, route: 'GET /items' }

export const total = line(
  4,
  {
    requests: [10, 20, 0, 30],
    answered: [10, 19, 0, 30],
    fivexx: [0, 2, 0, 0],
    failures: [0, 1, 0, 0],
    bad: [0, 3, 0, 0],
  },
  { p50: [100, 200, null, 300], p99: [900, 1000, null, 1100], heat: [[40, 10], [50, 18], [], [60, 30]] },
)
export const api: PictureLine = { ...total, subject: API, label: 'api · 10.0.1.10:8080' }
export const items: PictureLine = {
  ...line(
    4,
    { requests: [5, 5, 0, 0], answered: [5, 5, 0, 0] },
    { p50: [100, 200, null, null], p99: [900, 1000, null, null] },
  ),
  subject: ITEMS,
  label: 'GET /items',
}

export const picture: Picture = {
  from: FROM,
  to: FROM + 4,
  starts: [[0, FROM]],
  step: 1,
  count: 4,
  seconds: [1, 1, 0, 1],
  lines: [total, api, items],
  left: { backends: 0, routes: 0 },
}

/** A picture in which only the sum of all matters. */
export const pictureOf = (
  sum: PictureLine,
  seconds: readonly number[],
  more: Partial<Picture> = {},
): Picture => ({
  ...picture,
  to: FROM + seconds.length,
  count: seconds.length,
  seconds,
  lines: [sum],
  ...more,
})

export const FACTS: PageFacts = {
  host: 'web1',
  files: ['web1.db'],
  zone: 'UTC',
  withOffset: false,
  from: FROM,
  to: FROM + 4,
  withGrpc: false,
  findings: [],
  markers: [],
  gaps: [],
  events: null,
  doubts: [],
}
