/** A recording with gRPC, as a file: every command says the same of it. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { ReportDocument } from '../../src/report/document/document.ts'
import { createRecording } from '../../src/store/write/writer.ts'
import { samplesIn, sumOf } from '../metrics/parse.ts'
import { ENDED, NOT_FOUND, shop, UNAVAILABLE, unknownShop } from '../report/shop.ts'
import { META } from '../store/support.ts'
import { runCommand } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-grpc-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function written(name: string, of: ReturnType<typeof shop>): string {
  const file = join(folder, name)
  const sink = createRecording(file, META, { durable: false })
  for (const { seq } of of.ticks) sink.append(of.frame(seq)!)
  sink.close()
  return file
}
const FILE = written('shop.db', shop())
const OLD = written('old.db', unknownShop())

const output = async (...words: string[]): Promise<string> => {
  const { code, stdout, stderr } = await runCommand(words)
  assert.equal(code, 0, stderr)
  return stdout
}

test('report, its lines, the metrics of it and the screen have the same statuses', async () => {
  const { totals, backends, findings } = JSON.parse(
    await output('report', FILE, '--format', 'json'),
  ) as ReportDocument
  const grpc = { '0': ENDED - NOT_FOUND - UNAVAILABLE, '5': NOT_FOUND, '14': UNAVAILABLE }
  assert.deepEqual(totals.grpc, grpc)
  assert.deepEqual([backends[0]!.protocol, backends[0]!.grpc], ['grpc', grpc])
  assert.deepEqual(
    findings.map(({ kind }) => kind),
    ['burst_grpc_errors'],
  )
  const [head = '', line = ''] = (
    await output('report', FILE, '--by', 'backend', '--sort', 'grpc_errors', '--format', 'csv')
  ).split('\n')
  assert.equal(line.split(',')[head.split(',').indexOf('grpc_errors')], String(NOT_FOUND + UNAVAILABLE))
  const samples = samplesIn(await output('report', FILE, '--format', 'openmetrics', '--step', '1h'))
  for (const [grpc_status, count] of Object.entries(grpc))
    assert.equal(sumOf(samples, 'upstreamtop_grpc_responses_total', { grpc_status }), count)
  const screen = await output('replay', FILE, '--print', '--at', '50%', '--size', '80x24')
  assert.match(screen, /10\.0\.1\.20:50051 .*OK 70% UNAVAILABLE 27%$/m)
})

test('gates pass and fail by the errors, and fail of what a recording does not know', async () => {
  assert.match(await output('assert', FILE, 'grpc_errors < 8%'), /measured 7\.00% \(of 1,800\)/)
  assert.equal((await runCommand(['assert', FILE, 'grpc_errors < 6%'])).code, 3)
  assert.equal((await runCommand(['assert', OLD, 'grpc_errors = 0'])).code, 3)
  assert.match((await runCommand(['assert', FILE, 'grpc_error = 0'])).stderr, /did you mean "grpc_errors"\?/)
  const rise = ['diff', FILE, '--base', '0%..30%', '--target', '35%..55%', '--fail-on', 'grpc_errors > +5pp']
  const { code, stdout } = await runCommand(rise)
  assert.equal(code, 3, stdout)
  assert.match(stdout, /FAIL {2}grpc_errors > \+5pp {2}measured grpc_errors = \+26/)
})
