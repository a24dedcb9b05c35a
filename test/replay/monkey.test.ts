import assert from 'node:assert/strict'
import { test } from 'node:test'
import { monkey } from './monkey.ts'

/** These two ended the player once: a search met ticks that had come meanwhile. MONKEY_SEEDS=$(seq -s, 200) for an evening of it. */
const SEEDS = process.env.MONKEY_SEEDS ?? '27,66'

for (const seed of SEEDS.split(',').map(Number))
  test(`whatever keys are pressed while a recording grows and forgets, the player goes on (seed ${seed})`, async () => {
    await assert.doesNotReject(monkey(seed, 400))
  })
