/** Inputs with the failures that a fuzzer looks for, so that a test can check that the harness finds them. */
import { writeFileSync } from 'node:fs'
import { recordingError } from '../../src/errors.ts'
import { Broken, type Target } from './target.ts'

export const target: Target<number> = {
  make: (seed, number) => seed * 100 + number,
  run: async (input, step) => {
    step('faulty')
    switch (input % 100) {
      case 2:
        throw recordingError('a UserError is no finding')
      case 3:
      case 4:
        throw new Broken(`law ${input} of "${input}"`)
      case 6:
        spin()
        break
      case 8:
        await new Promise(() => setInterval(() => undefined, 1000))
        break
      case 10:
        allocate()
        break
      case 12:
        process.kill(process.pid, 'SIGSEGV')
    }
  },
  save: (input, place) => writeFileSync(`${place}.txt`, String(input)),
  prepare: () => undefined,
}

function spin(): void {
  for (;;) if (Math.sqrt(2) < 1) return
}

function allocate(): void {
  const allocated: Buffer[] = []
  for (;;) allocated.push(Buffer.alloc(2 ** 20, allocated.length))
}
