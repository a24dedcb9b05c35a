/** What `report --format html` has inside: the whole range at the finest step that fits, and the seconds of short findings. */
import { selectRows } from '../../frame/expression/selection.ts'
import type { BackendSum } from '../../frame/model/aggregate.ts'
import type { Recording } from '../../frame/model/recording.ts'
import { micros } from '../../frame/model/units.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import { stepSums, type StepSum } from '../data/steps.ts'
import { lengthOf, StepGrid, stretchesOf } from '../data/stretches.ts'
import { backendsOf, type Summary } from '../data/summary.ts'
import type { FindingEntry } from '../document/document.ts'
import { severalNamespaces } from '../document/json.ts'
import { closeUps } from './close-ups.ts'
import type { EmbeddedData } from './facts.ts'
import { eventsOf } from './events-of.ts'
import { factsOf } from './facts-of.ts'
import { fitted } from './fitted.ts'
import type { PackedPicture } from './packed-picture.ts'
import { pictureOf, type PictureChoice } from './picture-of.ts'
import type { Picture } from './picture.ts'

/** Seconds. */
export const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400]
/** More are no wider than a pixel. With steps of a second this is 25 minutes. */
const MAX_STEPS = 1500
/** Steps of a folded hole: enough to be seen. */
const HOLE_STEPS = 3
/** Characters, of a page of less than 2 MB. */
const ROOM = 1_100_000
const ROOM_OF_CLOSE_UPS = 300_000
/** Rows beyond these are in the tables of the page only, and in `view`. */
const BACKENDS = 24
const ROUTES = 6
/** Steps of lines of which the header times of routes are kept while the picture is made. */
const MAX_HEAT = 100_000

export function embeddedData(
  recordings: readonly Recording[],
  summary: Summary,
  findings: readonly FindingEntry[],
  timeZone: string,
): EmbeddedData {
  const { range, selection } = summary.query
  const events = selection.rows === null ? eventsOf(recordings, range) : null
  const facts = factsOf(summary, findings, events, timeZone)
  const choice = choiceOf(summary)
  const draw = (span: TimeSpan, grid: StepGrid): Picture =>
    pictureOf(selectedSteps(recordings, summary, span, grid), grid, { ...choice(grid.count), range: span })
  const whole = wholePicture(recordings, range, draw)
  return { facts, pictures: [whole, ...closeUps(facts, whole, draw, ROOM_OF_CLOSE_UPS)] }
}

/** The last step is taken, whatever finds no room then: a range of many years. */
function wholePicture(
  recordings: readonly Recording[],
  range: TimeSpan,
  draw: (range: TimeSpan, grid: StepGrid) => Picture,
): PackedPicture {
  const found = stretchesOf(recordings, range)
  const holes = (found.length - 1) * HOLE_STEPS
  const stretches = holes > MAX_STEPS / 2 ? [range] : found
  const seconds = lengthOf(stretches) / 1e6
  const steps = STEPS.filter((step) => seconds / step <= MAX_STEPS)
  if (steps.length === 0) steps.push(Math.ceil(seconds / MAX_STEPS / 86_400) * 86_400)
  for (const step of steps) {
    const { packed, isEnough } = fitted(
      draw(range, new StepGrid(stretches, micros(step * 1e6), HOLE_STEPS)),
      ROOM,
    )
    if (isEnough || step === steps.at(-1)) return packed
  }
  throw new Error('there is always a last step')
}

function* selectedSteps(
  recordings: readonly Recording[],
  { query }: Summary,
  range: TimeSpan,
  { step }: StepGrid,
): Iterable<StepSum> {
  for (const { start, aggregate } of stepSums(recordings, range, step))
    yield { start, aggregate: selectRows(aggregate, query.selection.rows) }
}

/** The lines of the report's tables, in their order. */
function choiceOf(summary: Summary): (steps: number) => Omit<PictureChoice, 'range'> {
  const shown = backendsOf(summary)
  const backends = shown.slice(0, BACKENDS)
  const routesOf = ({ routes }: BackendSum): typeof routes => routes.slice(0, ROUTES)
  const lines = backends.reduce((sum, backend) => sum + 1 + routesOf(backend).length, 1)
  return (steps) => ({
    backends,
    leftBackends: summary.selected.backends.length - backends.length,
    routesOf,
    heat: steps * lines <= MAX_HEAT ? 'all' : 'backends',
    several: severalNamespaces(summary.selected),
  })
}
