/** A real browser, and what a page says and asks for in it. */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium, type Browser, type Locator, type Page } from 'playwright-core'

const CHROMIUM = '/usr/bin/chromium'
export const NO_BROWSER = existsSync(CHROMIUM) ? false : `there is no ${CHROMIUM}`

export const launched = (): Promise<Browser> =>
  chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })

export interface Opened {
  readonly page: Page
  /** console messages, errors, dialogs, and requests of anything but what lies at the address */
  readonly said: readonly string[]
}

/** @param address what lies there, and below it where it ends with a slash, may be asked for */
export async function opened(
  browser: Browser,
  address: string,
  {
    hash = '',
    colorScheme = 'light',
  }: { readonly hash?: string; readonly colorScheme?: 'light' | 'dark' } = {},
): Promise<Opened> {
  const page = await browser.newPage({ colorScheme, viewport: { width: 1280, height: 900 } })
  const said: string[] = []
  page.on('console', (message) => said.push(message.text()))
  page.on('pageerror', (error) => said.push(error.message))
  page.on('dialog', (dialog) => said.push(dialog.message()))
  page.on('request', (request) => {
    const url = request.url().split('#')[0]!
    if (!(address.endsWith('/') ? url.startsWith(address) : url === address)) said.push(url)
  })
  await page.goto(address + hash)
  await page.locator('.lanes .over').first().waitFor()
  return { page, said }
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe-core finds: each rule, and the first element that breaks it. */
export async function violationsOf(page: Page): Promise<readonly string[]> {
  await page.evaluate(AXE)
  const { violations } = await page.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>(
    'axe.run()',
  )
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ''}`)
}

/** From and to are parts of its width. */
export async function dragOver(page: Page, over: Locator, from: number, to: number): Promise<void> {
  // This scrolls to it, and waits until it stands still.
  await over.hover()
  const { x, y, width, height } = (await over.boundingBox())!
  await page.mouse.move(x + width * from, y + height / 2)
  await page.mouse.down()
  await page.mouse.move(x + width * to, y + height / 2, { steps: 4 })
  await page.mouse.up()
}

/** The state in the address, with its `#`. Asked of the page: `page.url()` follows it a moment later. */
export const addressOf = (page: Page): Promise<string> => page.evaluate<string>('location.hash')
export const hashOf = async (page: Page): Promise<URLSearchParams> =>
  new URLSearchParams((await addressOf(page)).slice(1))
/** The chosen moment or range. */
export const titleOf = (page: Page): Promise<string> => page.locator('#moment h2').innerText()
/** Names of backends and routes in the table of the moment. */
export const rowsOf = (page: Page): Promise<string[]> => page.locator('#moment tbody th').allInnerTexts()
