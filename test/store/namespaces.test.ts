/** Names of network namespaces in files: kept, redacted, absent in files of earlier versions, gone with their backends. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import Sqlite from 'better-sqlite3'
import type { Backend, SecondFrame } from '../../src/frame/model/frame.ts'
import { wallMicros } from '../../src/frame/model/units.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { checkRecording } from '../../src/store/tools/check.ts'
import { cutRecording } from '../../src/store/tools/cut.ts'
import { repairRecording } from '../../src/store/tools/repair.ts'
import { appendRecording } from '../../src/store/write/writer.ts'
import { silent, withFolder } from '../torture/kit.ts'
import { sampleFrames, writeSample } from '../torture/sample.ts'
import { comparable, META } from './support.ts'

const SAMPLE = { secs: 70, rps: 20, backends: 2, routes: 3, requests: 2 }
const FIRST = 4_026_532_001

/** The backends of the frames are in two namespaces, of which one has a name. */
function* inNamespaces(frames: Iterable<SecondFrame>, label = 'web'): Generator<SecondFrame> {
  const placed = new Map<Backend, Backend>()
  const place = <T extends { readonly backend: Backend }>(row: T): T => {
    const { backend } = row
    let other = placed.get(backend)
    if (other === undefined) {
      const isFirst = backend.id % 2 === 1
      other = { ...backend, netns: FIRST + (isFirst ? 0 : 1), ...(isFirst ? { namespace: label } : {}) }
      placed.set(backend, other)
    }
    return { ...row, backend: other }
  }
  for (const frame of frames)
    yield {
      ...frame,
      traffic: frame.traffic.map(place),
      connections: frame.connections.map(place),
      requests: frame.requests.map(place),
      wires: frame.wires?.map(place) ?? null,
    }
}

const write = (file: string): SecondFrame[] => writeSample(file, SAMPLE, undefined, inNamespaces)

function framesOf(file: string): SecondFrame[] {
  const recording = openRecording(file, { verify: true })
  try {
    return recording.ticks.map(({ seq }) => recording.frame(seq)!)
  } finally {
    recording.close()
  }
}

const namesIn = (file: string): unknown[] => [
  ...new Set(
    framesOf(file).flatMap(({ traffic }) =>
      traffic.map(({ backend: { netns, namespace } }) => `${netns} ${namespace ?? '-'}`),
    ),
  ),
]

test('what is written is read, and copies have it too', async () => {
  await withFolder(async (folder) => {
    const frames = write(folder.file('x.db'))
    assert.deepEqual(framesOf(folder.file('x.db')).map(comparable), frames.map(comparable))
    await repairRecording(folder.file('x.db'), folder.file('y.db'), silent)
    assert.deepEqual(framesOf(folder.file('y.db')).map(comparable), frames.map(comparable))
    assert.deepEqual((await checkRecording(folder.file('y.db'), silent)).problems, [])
  })
})

test('a cut without hosts has other names', async () => {
  await withFolder(async (folder) => {
    write(folder.file('x.db'))
    for (const what of ['hosts', 'ips'] as const) {
      const source = openRecording(folder.file('x.db'))
      await cutRecording(
        source,
        {
          ranges: [{ from: 0, to: SAMPLE.secs }],
          span: { from: wallMicros(0), to: wallMicros(Number.MAX_SAFE_INTEGER) },
          keeps: null,
          redact: new Set([what]),
          maxSize: null,
          out: folder.file(`${what}.db`),
        },
        silent,
      )
      source.close()
    }
    assert.deepEqual(namesIn(folder.file('hosts.db')), [`${FIRST} namespace-1`, `${FIRST + 1} -`])
    assert.deepEqual(namesIn(folder.file('ips.db')), [`${FIRST} web`, `${FIRST + 1} -`])
  })
})

test('a file of an earlier version has no names; a recorder that goes on with it adds them', async () => {
  await withFolder(async (folder) => {
    write(folder.file('x.db'))
    const database = new Sqlite(folder.file('x.db'))
    database.exec('DROP TABLE namespace')
    database.close()
    assert.deepEqual((await checkRecording(folder.file('x.db'), silent)).problems, [])
    assert.deepEqual(namesIn(folder.file('x.db')), [`${FIRST} -`, `${FIRST + 1} -`])
    const sink = appendRecording(folder.file('x.db'), META, {})
    for (const frame of inNamespaces(sampleFrames(SAMPLE), 'shop')) sink.append(frame)
    sink.close()
    assert.deepEqual(namesIn(folder.file('x.db')), [`${FIRST} shop`, `${FIRST + 1} -`])
  })
})

test('beyond a thousand, names go with their backends', async () => {
  await withFolder((folder) => {
    write(folder.file('x.db'))
    const database = new Sqlite(folder.file('x.db'))
    const insert = database.prepare('INSERT INTO namespace (netns, label) VALUES (?, ?)')
    database.transaction(() => {
      for (let i = 0; i < 1000; i++) insert.run(i + 1, `gone-${i}`)
    })()
    database.close()
    const sink = appendRecording(folder.file('x.db'), META, {})
    for (const frame of inNamespaces(sampleFrames({ ...SAMPLE, secs: 2 }))) sink.append(frame)
    sink.close()
    const after = new Sqlite(folder.file('x.db'))
    assert.deepEqual(after.prepare('SELECT netns, label FROM namespace').raw().all(), [[FIRST, 'web']])
    after.close()
    return Promise.resolve()
  })
})
