import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Redactor } from '../../../src/store/tools/redact.ts'
import { sampleFrames } from '../../torture/sample.ts'

test('backend OTHER is no address, and stays in a redacted cut', () => {
  const [frame] = [...sampleFrames({ secs: 1 })]
  const other = { id: 9, address: 'OTHER', netns: 1, names: null }
  const traffic = frame!.traffic.slice(0, 1).map((row) => ({ ...row, backend: other }))
  const redactor = new Redactor(new Set(['ips']), { backends: [other], routes: [], wires: [] })
  assert.deepEqual(
    redactor.frame({ ...frame!, traffic }).traffic.map(({ backend }) => backend.address),
    ['OTHER'],
  )
})

test('names are hidden with hosts; with ips, an address that is a name or stands in one has the pseudonym of that address', () => {
  const backends = [
    { id: 1, address: '10.0.1.10:8080', netns: 1, names: ['10.0.1.10:8080', 'api', 'pool-10.0.1.11'] },
    { id: 2, address: '[fd00::1]:8080', netns: 1, names: ['[fd00::1]:8080', 'fd00::1', 'version-1.2.3'] },
    { id: 3, address: '10.0.1.11:8080', netns: 1, names: [] },
    { id: 4, address: '10.0.1.12:8080', netns: 1, names: null },
  ]
  const [frame] = [...sampleFrames({ secs: 1 })]
  const connection = frame!.connections[0]!
  const namesOf = (what: 'ips' | 'hosts' | 'paths'): unknown =>
    new Redactor(new Set([what]), { backends, routes: [], wires: [] })
      .frame({ ...frame!, connections: backends.map((backend) => ({ ...connection, backend })) })
      .connections.map(({ backend }) => backend.names)
  assert.deepEqual(namesOf('ips'), [
    ['198.18.0.1:8080', 'api', 'pool-198.18.0.2'],
    ['198.18.0.3', '198.18.0.3:8080', 'version-1.2.3'],
    [],
    null,
  ])
  assert.deepEqual(namesOf('hosts'), [
    ['name-1', 'name-2', 'name-3'],
    ['name-4', 'name-5', 'name-6'],
    [],
    null,
  ])
  assert.deepEqual(
    namesOf('paths'),
    backends.map(({ names }) => names),
  )
})
