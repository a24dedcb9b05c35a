/** `--max-cpu`, `--max-memory`: what a recorder may take before it lists fewer requests. */
import type { Command } from 'commander'
import { usageError } from '../../errors.ts'
import { Thinner } from '../../record/thinner.ts'
import { size } from './amount.ts'

export interface CeilingFlags {
  /** 1 is one CPU */
  readonly maxCpu?: number
  /** bytes */
  readonly maxMemory?: number
  readonly requests: number
}

export const addCeilingOptions = (command: Command): Command =>
  command
    .option(
      '--max-cpu <percent>',
      'beyond it fewer requests are listed, and counts stay whole; of one CPU, for example 25%',
      share,
    )
    .option('--max-memory <size>', 'the same for memory, for example 256MB', memory)

/** null: no ceiling */
export const thinnerOf = ({ maxCpu, maxMemory, requests }: CeilingFlags): Thinner | null =>
  maxCpu === undefined && maxMemory === undefined
    ? null
    : new Thinner({ cpu: maxCpu ?? null, memory: maxMemory ?? null }, requests)

function share(text: string): number {
  const value = /^\d+(\.\d+)?%?$/.test(text) ? Number.parseFloat(text) / 100 : 0
  if (value > 0) return value
  throw usageError(`--max-cpu "${text}" is no share of a CPU`, 'for example --max-cpu 25%')
}

function memory(text: string): number {
  const value = size('--max-memory')(text)
  if (value >= 1e6) return value
  throw usageError(`--max-memory "${text}" is less than any recorder takes`, 'for example --max-memory 256MB')
}
