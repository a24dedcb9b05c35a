import assert from 'node:assert/strict'
import { test } from 'node:test'
import { monkey } from './monkey.ts'

/** With these two seeds the player once failed: ticks arrived during a search. For a long run: MONKEY_SEEDS=$(seq -s, 200). */
const SEEDS = process.env.MONKEY_SEEDS ?? '27,66'

for (const seed of SEEDS.split(',').map(Number))
  test(`the player survives random keys while the recording grows and removes ticks (seed ${seed})`, async () => {
    await assert.doesNotReject(monkey(seed, 400))
  })
