/** How a command that speaks the wire ends, as the recorder sees it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ExitCode, UserError } from '../../src/errors.ts'
import { startProbe } from '../../src/record/probe.ts'

const endOf = async (probe: string): Promise<unknown> => {
  const options = { iface: [], ignore: null, only: null, routesAs: 'template', requests: 0, probe } as const
  return startProbe(options, {}).ended.catch((error: unknown) => error)
}

test('one that was interrupted before it attached is no failure of this system', async () => {
  const error = await endOf('exit 130')
  assert.ok(error instanceof UserError)
  assert.equal(error.exitCode, ExitCode.interrupted)
  assert.match(error.message, /"exit 130" was stopped/)
})

test('one that fails is, in its own words', async () => {
  const error = await endOf('echo no such device >&2; exit 4')
  assert.ok(error instanceof UserError)
  assert.deepEqual([error.exitCode, error.message], [ExitCode.system, 'no such device'])
})
