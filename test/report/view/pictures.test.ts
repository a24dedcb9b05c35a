/** Pictures from packed cells, against those from the report's sums. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { parseExpression } from '../../../src/frame/expression/expression-parser.ts'
import { EVERYTHING, selectRows, splitSelection } from '../../../src/frame/expression/selection.ts'
import { addressKey } from '../../../src/frame/model/aggregate.ts'
import { MINUTE, micros, wallMicros } from '../../../src/frame/model/units.ts'
import { spanOf, type TimeSpan } from '../../../src/frame/time/time.ts'
import { BY_REQUESTS } from '../../../src/report/data/order.ts'
import { stepSums } from '../../../src/report/data/steps.ts'
import { backendsOf, summarise } from '../../../src/report/data/summary.ts'
import { pictureOf } from '../../../src/report/picture/picture-of.ts'
import { CellStore } from '../../../src/report/view/cells/cell-store.ts'
import { Pictures, type PictureAnswer, type PictureRequest } from '../../../src/report/view/pictures.ts'
import { gridOf } from '../../../src/report/view/step-choice.ts'
import { Sums } from '../../../src/report/view/sums.ts'
import { openRecording } from '../../../src/store/read/reader.ts'

const FIXTURES = [
  'incident',
  'gap',
  'grpc',
  'simulated',
  'whole',
  'format-1',
  'format-2',
  'clock-step',
  'clock-1970',
  'one-tick',
  'hostile-words',
  'future-columns',
]
const NEVER = new AbortController().signal

function open(t: TestContext, name: string) {
  const recording = openRecording(join(import.meta.dirname, `../../../fixtures/recordings/${name}.db`))
  const store = new CellStore(recording)
  const pictures = new Pictures(store, new Sums(store))
  t.after(() => {
    pictures.close()
    recording.close()
  })
  const span = spanOf(recording.ticks)!
  const ask = async (wanted: Partial<PictureRequest>): Promise<PictureAnswer> => {
    const request = {
      range: span,
      steps: 600,
      backend: null,
      route: null,
      selection: EVERYTHING,
      order: BY_REQUESTS,
    }
    let answer = await pictures.of({ ...request, ...wanted }, span, NEVER)
    while (answer.refining) {
      await new Promise(setImmediate)
      answer = await pictures.of({ ...request, ...wanted }, span, NEVER)
    }
    return answer
  }
  return { recording, store, span, pictures, ask }
}

type Opened = ReturnType<typeof open>

/** The same by the report's own sums. */
function expected(
  { recording }: Opened,
  { picture }: PictureAnswer,
  { backend, selection }: Pick<PictureRequest, 'backend' | 'selection'>,
) {
  const range: TimeSpan = {
    from: wallMicros(Math.round(picture.from * 1e6)),
    to: wallMicros(Math.round(picture.to * 1e6)),
  }
  const step = micros(picture.step * 1e6)
  const summary = summarise([recording], { range, selection, order: BY_REQUESTS, top: null })
  const sums = [...stepSums([recording], range, step)].map(({ start, aggregate }) => ({
    start,
    aggregate: selectRows(aggregate, selection.rows),
  }))
  return pictureOf(sums, gridOf(recording, range, step), {
    range,
    backends: backendsOf(summary),
    leftBackends: 0,
    routesOf: (sum) => (addressKey(sum.backend) === backend ? sum.routes : []),
    heat: backend === null ? 'total' : { backend },
    several: new Set(summary.selected.backends.map((sum) => sum.backend.netns)).size > 1,
  })
}

const selectionOf = (text: string) => splitSelection([parseExpression(text)], text)

for (const name of FIXTURES)
  test(`pictures of ${name} have the numbers of the report, for any range, step, backend and filter`, async (t) => {
    const opened = open(t, name)
    const { recording, span, ask } = opened
    const { backends } = summarise([recording], {
      range: span,
      selection: EVERYTHING,
      order: BY_REQUESTS,
      top: null,
    }).selected
    const filters = [
      'requests >= 0',
      `backend != '${backends[0]!.backend.address}'`,
      `route = '${backends[0]!.routes[0]!.route.path}'`,
      `route != '${backends[0]!.routes[0]!.route.path}'`,
      'p99 > 100ms',
    ]
    await fc.assert(
      fc.asyncProperty(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom(2, 10, 90, 1000),
        fc.constantFrom(null, ...backends.map((sum) => addressKey(sum.backend))),
        fc.constantFrom(null, ...filters),
        async (a, b, steps, backend, where) => {
          const at = (share: number) => wallMicros(Math.round(span.from + share * (span.to - span.from)))
          const range = {
            from: at(Math.min(a, b)),
            to: wallMicros(Math.min(span.to, at(Math.max(a, b)) + 1)),
          }
          const wanted = {
            range,
            steps,
            backend,
            selection: where === null ? EVERYTHING : selectionOf(where),
          }
          const answer = await ask(wanted)
          assert.deepEqual(answer.picture, expected(opened, answer, wanted))
          assert.ok(answer.picture.from <= range.from / 1e6 && answer.picture.to >= range.to / 1e6 - 1e-6)
          const { count, starts } = answer.picture
          assert.ok(count <= steps + 1 + 4 * (starts.length - 1), `${count} steps`)
        },
      ),
      { numRuns: 40, includeErrorInReport: true },
    )
  })

test('a long range is answered by minutes while its ticks are read, and then by ticks', async (t) => {
  const { pictures, span } = open(t, 'incident')
  const request = {
    range: span,
    steps: 2000,
    backend: null,
    route: null,
    selection: EVERYTHING,
    order: BY_REQUESTS,
  }
  const first = await pictures.of(request, span, NEVER)
  assert.deepEqual([first.refining, first.picture.step], [true, MINUTE / 1e6])
  let last = first
  while (last.refining) {
    await new Promise((done) => setTimeout(done, 20))
    last = await pictures.of(request, span, NEVER)
  }
  assert.equal(last.picture.step, 1)
  const requests = ({ picture }: PictureAnswer) =>
    picture.lines[0]!.series.requests.reduce((sum, n) => sum + n, 0)
  assert.equal(requests(last), requests(first))
})
