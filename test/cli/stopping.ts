/** The program that signals.test.ts sends signals to; its argument is its behaviour. */
import { writeSync } from 'node:fs'
import { stopSignal } from '../../src/cli/signals.ts'

const signal = stopSignal()
const listener = (): void => void writeSync(1, `heard ${String(signal.reason)}\n`)

const what = process.argv[2]
if (what !== 'deaf') signal.addEventListener('abort', listener)
if (what === 'deaf again') signal.removeEventListener('abort', listener)
writeSync(1, 'begun\n')
if (what === 'slow to end') setInterval(() => undefined, 1000)
else for (;;);
