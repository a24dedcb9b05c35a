/** A few rounds of what `make week` and `make torture` do for an hour. */
import { test } from 'node:test'
import { Random } from '../../src/simulate/synth-random.ts'
import { withFolder } from '../torture/kit.ts'
import { restarts } from '../torture/restarts.ts'
import { week } from '../torture/week.ts'

const random = new Random(1)

test('two hours of ticks: each incident one dump with what led to it, with few requests and with many', async () => {
  await withFolder((folder) => week(folder, 6600, () => random.next()))
})

test('a restart loop of kill -9 always records again, and does not fill the disk', async () => {
  await withFolder((folder) => restarts(folder, 12, () => random.next()))
})
