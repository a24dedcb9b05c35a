/**
 * Writes the files of fixtures/recordings that are not there: node --import tsx test/store/make-corpus.ts. A file is never replaced: those
 * of format 1 were written by versions that are gone.
 */
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import Sqlite from 'better-sqlite3'
import type { SecondFrame } from '../../src/frame/model/frame.ts'
import { addMicros } from '../../src/frame/model/units.ts'
import type { Incident } from '../../src/simulate/synth-plan.ts'
import { createRecording } from '../../src/store/write/writer.ts'
import { overGrpc, sampleFrames, translated, type SampleOptions } from '../torture/sample.ts'
import { writeHostile } from './hostile-files.ts'

const folder = new URL('../../fixtures/recordings/', import.meta.url).pathname
const META = {
  host: 'web1',
  timeZone: 'Europe/Berlin',
  kernel: '6.12.0',
  arguments: ['record', '--out', 'x.db'],
  interfaces: ['eth0'],
}
const PAGE = 4096
const SMALL: SampleOptions = { secs: 90, rps: 12, backends: 2, routes: 4, requests: 3 }

const incident = (
  kind: Incident['kind'],
  from: number,
  to: number,
  backend: number | null = null,
): Incident => ({
  kind,
  from,
  to,
  backend,
})

function write(
  name: string,
  frames: Iterable<SecondFrame>,
  then?: (sink: ReturnType<typeof createRecording>) => void,
): string {
  const file = folder + name
  if (existsSync(file)) return file
  const sink = createRecording(file, META, { durable: false })
  for (const frame of frames) sink.append(frame)
  then?.(sink)
  sink.close()
  return file
}

function change(name: string, edit: (bytes: Buffer) => Buffer): boolean {
  if (existsSync(folder + name)) return false
  writeFileSync(folder + name, edit(readFileSync(`${folder}whole.db`)))
  return true
}

write('format-1.db', sampleFrames(SMALL))
write('format-2.db', translated(sampleFrames({ ...SMALL, incidents: [incident('refused', 30, 40, 0)] })))
// Named after the layout of its request chunks. A later layout gets a new file.
write('chunk-layout-3.db', sampleFrames({ ...SMALL, secs: 5, incidents: [incident('5xx', 3, 5, 0)] }))
write('whole.db', sampleFrames(SMALL))
write('one-tick.db', sampleFrames({ ...SMALL, secs: 1 }))
write('no-tick.db', [])
write('gap.db', sampleFrames({ ...SMALL, incidents: [incident('gap', 30, 50)] }))
write(
  'incident.db',
  sampleFrames({
    secs: 480,
    rps: 40,
    routes: 6,
    requests: 4,
    incidents: [
      incident('5xx', 60, 120, 0),
      incident('slow', 160, 230, 1),
      incident('vanish', 280, 350, 0),
      incident('gap', 400, 430),
    ],
  }),
  (sink) => sink.mark({ at: addMicros(START(), 58e6), kind: 'deploy', text: 'deploy 4711' }),
)
write(
  'grpc.db',
  overGrpc(
    sampleFrames({ secs: 180, rps: 30, routes: 4, requests: 4, incidents: [incident('5xx', 80, 110, 0)] }),
  ),
)
writeClockStep()
writeClockOf1970()
change('empty.db', () => Buffer.alloc(0))
change('foreign.db', () => Buffer.from('this is not a recording\n'.repeat(50)))
change('truncated.db', (bytes) => bytes.subarray(0, Math.floor(bytes.length * 0.85)))
change('holed.db', (bytes) => bytes.fill(0, 22 * PAGE, 23 * PAGE))
change('lone-wal.db', (bytes) => {
  bytes[18] = bytes[19] = 2
  return bytes
})
change('zipped.db.gz', (bytes) => gzipSync(bytes))
writeNewer()
writeFuture()

function START(): SecondFrame['start'] {
  return [...sampleFrames({ ...SMALL, secs: 1 })][0]!.start
}

/** The wall clock is set back by 40 s after 30 s: it shows 20 s twice. Ticks are ordered by sequence. */
function writeClockStep(): void {
  const frames = [...sampleFrames(SMALL)]
  const stepped = frames.map((frame, i) => (i < 30 ? frame : clockSet(frame, -40e6)))
  write('clock-step.db', stepped, (sink) =>
    sink.mark({ at: stepped[30]!.start, kind: 'clock_step', text: 'clock stepped by -40.0 s' }),
  )
}

/** A machine without a clock of its own: 30 s in 1970, then its clock is set. */
function writeClockOf1970(): void {
  const frames = [...sampleFrames({ ...SMALL, secs: 60 })]
  const by = 60e6 - START()
  const early = frames.map((frame, i) => (i < 30 ? clockSet(frame, by) : frame))
  write('clock-1970.db', early, (sink) =>
    sink.mark({
      at: early[30]!.start,
      kind: 'clock_step',
      text: `clock stepped by +${(-by / 1e6).toFixed(1)} s`,
    }),
  )
}

function clockSet(frame: SecondFrame, by: number): SecondFrame {
  const requests = frame.requests.map((request) => ({ ...request, at: addMicros(request.at, by) }))
  return { ...frame, start: addMicros(frame.start, by), requests }
}

function writeNewer(): void {
  if (!change('newer.db', (bytes) => bytes)) return
  const database = new Sqlite(`${folder}newer.db`)
  database.exec("UPDATE meta SET value = 'upstreamtop 0.9.0' WHERE key IN ('readable_by', 'tool')")
  database.pragma('user_version = 99')
  database.close()
}

/** Like a file of a later version of the same format: more columns, another table, an unknown kind of marker. */
function writeFuture(): void {
  if (!change('future-columns.db', (bytes) => bytes)) return
  const database = new Sqlite(`${folder}future-columns.db`)
  for (const table of ['tick', 'traffic', 'status', 'connection', 'minute', 'backend', 'route', 'marker']) {
    database.exec(`ALTER TABLE ${table} ADD COLUMN later INTEGER NOT NULL DEFAULT 7`)
  }
  database.exec('CREATE TABLE later (id INTEGER PRIMARY KEY, what TEXT) STRICT')
  database.exec("INSERT INTO later VALUES (1, 'something new')")
  database.exec(`INSERT INTO marker (at, kind, text) VALUES (${START() + 5e6}, 'eclipse', 'it got dark')`)
  database.close()
}

if (!existsSync(`${folder}hostile-tree.db`)) writeHostile(folder)
// World-readable, as git checks them out.
for (const name of readdirSync(folder)) chmodSync(folder + name, 0o644)
