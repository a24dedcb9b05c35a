/**
 * The screenshots of the README that are pages: the page of a report, and `view` in a browser. Those of the terminal are
 * test/replay/screenshots.ts.
 *   npm run build && node --import tsx test/report/screenshots.ts
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { chromium, type Page } from 'playwright-core'

const ROOT = join(import.meta.dirname, '../..')
const MAIN = join(ROOT, 'dist/main.js')
const RECORDING = process.argv[2] ?? 'fixtures/recordings/incident.db'

const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-screenshots-'))
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
try {
  const file = join(folder, 'incident.html')
  execFileSync(process.execPath, [MAIN, 'report', RECORDING, '--format', 'html', '--out', file], {
    cwd: ROOT,
  })
  await shoot('page', pathToFileURL(file).href, 860)
  await withView(async (address) => {
    await shoot('view', address, 1000, async (page) => {
      await page.keyboard.press('e')
      await page.keyboard.press('+')
      await page.getByRole('button', { name: '10.0.1.10:8080' }).first().click()
    })
  })
} finally {
  await browser.close()
  rmSync(folder, { recursive: true })
}

async function shoot(
  name: string,
  address: string,
  height: number,
  act: (page: Page) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 1200, height }, reducedMotion: 'reduce' })
  await page.goto(address)
  await page.waitForSelector('html.scripted #heat svg')
  await act(page)
  await page.waitForTimeout(1500)
  await page.evaluate('scrollTo(0, 0)')
  await page.screenshot({ path: join(ROOT, `docs/screenshots/${name}.png`) })
  await page.close()
}

async function withView(use: (address: string) => Promise<void>): Promise<void> {
  const view = spawn(process.execPath, [MAIN, 'view', RECORDING], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  try {
    const [address] = (await once(createInterface({ input: view.stdout }), 'line')) as [string]
    await use(address)
  } finally {
    view.kill('SIGTERM')
    await once(view, 'exit')
  }
}
