import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Redactor } from '../../../src/store/tools/redact.ts'
import { sampleFrames } from '../../torture/sample.ts'

test('backend OTHER is no address, and stays in a redacted cut', () => {
  const [frame] = [...sampleFrames({ secs: 1 })]
  const other = { id: 9, address: 'OTHER', netns: 1, name: null }
  const traffic = frame!.traffic.slice(0, 1).map((row) => ({ ...row, backend: other }))
  const redactor = new Redactor(new Set(['ips']), { backends: [other], routes: [], wires: [] })
  assert.deepEqual(
    redactor.frame({ ...frame!, traffic }).traffic.map(({ backend }) => backend.address),
    ['OTHER'],
  )
})
