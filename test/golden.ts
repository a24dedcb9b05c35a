/** Compares text with a golden file; `make golden` (GOLDEN=renew) writes the current text. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** @param name path under fixtures/golden */
export function assertGolden(name: string, text: string): void {
  const file = join(import.meta.dirname, '../fixtures/golden', name)
  if (process.env.GOLDEN === 'renew') {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    return
  }
  assert.ok(existsSync(file), `fixtures/golden/${name} is missing: make golden writes it`)
  assert.equal(
    text,
    readFileSync(file, 'utf8'),
    `differs from fixtures/golden/${name}; if it should: make golden`,
  )
}
