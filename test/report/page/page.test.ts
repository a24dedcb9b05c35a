/** The page in a real browser: what a pointer, keys and addresses do. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import type { Recording } from '../../../src/frame/model/recording.ts'
import { EVERYTHING } from '../../../src/frame/expression/selection.ts'
import { spanOf } from '../../../src/frame/time/time.ts'
import { BY_REQUESTS } from '../../../src/report/data/order.ts'
import { FORMATS } from '../../../src/report/formats/formats.ts'
import { reportOf } from '../../../src/report/formats/report.ts'
import { openRecording } from '../../../src/store/read/reader.ts'
import {
  dragOver,
  addressOf,
  hashOf,
  launched,
  NO_BROWSER,
  opened as openedAt,
  rowsOf,
  titleOf,
  violationsOf,
  type Opened,
} from '../browser.ts'
import { incident } from '../fake.ts'

async function pageOf(recording: Recording): Promise<string> {
  const report = reportOf([recording], {
    query: { range: spanOf(recording.ticks)!, selection: EVERYTHING, order: BY_REQUESTS, top: null },
    by: null,
    timeZone: 'Europe/Berlin',
    command: 'upstreamtop report web1.db --format html',
    points: 900,
    slowest: true,
  })
  return [...(await FORMATS.html.write(report))].join('')
}

const WITHOUT_OUTLINE = `
  [...document.querySelectorAll('button, a, input, summary, [tabindex="0"]')]
    .filter((each) => each.checkVisibility() && !each.matches(':disabled'))
    .flatMap((each) => {
      each.focus()
      return getComputedStyle(each).outlineStyle === 'none' ? [each.outerHTML.slice(0, 80)] : []
    })`

describe('the page in Chromium', { skip: NO_BROWSER }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-page-'))
  let browser: Browser
  before(async () => {
    browser = await launched()
    for (const name of ['incident', 'grpc']) {
      const recording = openRecording(`fixtures/recordings/${name}.db`)
      writeFileSync(join(folder, `${name}.html`), await pageOf(recording))
      recording.close()
    }
    writeFileSync(join(folder, 'hostile.html'), await pageOf(incident()))
  })
  after(async () => {
    await browser.close()
    rmSync(folder, { recursive: true })
  })

  const opened = (name: string, hash = '', colorScheme: 'light' | 'dark' = 'light'): Promise<Opened> =>
    openedAt(browser, `file://${join(folder, `${name}.html`)}`, { hash, colorScheme })

  for (const colorScheme of ['light', 'dark'] as const)
    for (const name of ['incident', 'grpc', 'hostile'])
      it(`draws the lanes and the map, says nothing and asks for nothing: ${name}, ${colorScheme}`, async () => {
        const { page, said } = await opened(name, '', colorScheme)
        assert.ok((await page.locator('.lanes .lane').count()) > 2)
        assert.ok((await page.locator('.heatmap svg.heat path').count()) > 5)
        assert.equal(await page.locator('#lanes .static, #heat .static').count(), 0)
        await page.locator('.lanes .name').nth(1).click()
        await page.keyboard.press('e')
        assert.deepEqual(await violationsOf(page), [])
        assert.deepEqual(said, [])
        await page.close()
      })

  it('shows where the focus is, on every button and link', async () => {
    const { page } = await opened('incident')
    await page.keyboard.press('Tab')
    const without = await page.evaluate<string[]>(WITHOUT_OUTLINE)
    assert.deepEqual(without, [])
    await page.close()
  })

  it('zooms to what is dragged over, also in the map, and goes back', async () => {
    const { page, said } = await opened('incident')
    const whole = await titleOf(page)
    await dragOver(page, page.locator('.lanes .over'), 0.25, 0.75)
    const { from, to } = Object.fromEntries(await hashOf(page))
    assert.ok(Math.abs(Number(to) - Number(from) - 240) <= 2, await addressOf(page))
    await page
      .locator('#moment h2')
      .filter({ hasText: /15:02:00 – 15:06:0\d/ })
      .waitFor()
    await dragOver(page, page.locator('.heatmap .over'), 0.5, 0.75)
    await page
      .locator('#moment h2')
      .filter({ hasText: /15:0[34]:[05]\d – 15:05:0\d/ })
      .waitFor()
    await page.locator('.lanes .over').dblclick()
    await page
      .locator('#moment h2')
      .filter({ hasText: /^2026-11-22 15:0\d:\d\d$/ })
      .waitFor()
    assert.equal((await hashOf(page)).get('from'), from)
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    await page.locator('#moment h2').filter({ hasText: whole }).waitFor()
    assert.deepEqual(said, [])
    await page.close()
  })

  it('shows the same picture behind a link, and after going back', async () => {
    const { page } = await opened('incident')
    await dragOver(page, page.locator('.lanes .over'), 0.1, 0.6)
    await page.locator('.lanes .name').nth(1).click()
    await page.locator('.lanes .over').click({ position: { x: 300, y: 60 } })
    await page.waitForTimeout(600)
    const drawings =
      "[...document.querySelectorAll('.lanes svg, .heatmap svg')].map((svg) => svg.outerHTML).join()"
    const shownBy = async (each: Page): Promise<string> =>
      (await each.evaluate<string>(drawings)) + (await each.locator('#moment').innerText())
    const other = await opened('incident', await addressOf(page))
    // Not compared by an assertion: its message would be the drawings.
    assert.ok((await shownBy(other.page)) === (await shownBy(page)))
    await page.goBack()
    assert.equal((await hashOf(page)).get('backend'), null)
    assert.equal(await page.locator('.lanes .name[aria-pressed=true]').innerText(), 'all')
    await page.close()
    await other.page.close()
  })

  it('moves everything to a finding, a marker, or what a key finds', async () => {
    const { page } = await opened('incident')
    await page.locator('#findings button').nth(1).click()
    assert.match(await titleOf(page), /15:02:40/)
    assert.equal((await hashOf(page)).get('backend')?.split(' ')[1], '10.0.1.11:8080')
    assert.ok(await page.locator('.lanes .cursor').isVisible())
    await page.locator('.mark').first().click()
    assert.match(await titleOf(page), /15:0[01]:/)
    await page.keyboard.press('a')
    await page.keyboard.press('g')
    await page.keyboard.press('e')
    assert.match(await titleOf(page), /15:01:00/)
    await page.keyboard.press('x')
    assert.match(await titleOf(page), /15:06:40/)
    assert.match(await page.locator('#moment').innerText(), /Nothing was recorded here/)
    await page.keyboard.press('s')
    assert.match(await page.locator('.says').innerText(), /no slow-down after this/)
    await page.close()
  })

  it('plays, steps and zooms by keys', async () => {
    const { page } = await opened('incident')
    await page.keyboard.press('g')
    assert.match(await titleOf(page), /15:00:00/)
    await page.keyboard.press('ArrowRight')
    assert.match(await titleOf(page), /15:00:01/)
    await page.keyboard.press(']')
    assert.match(await titleOf(page), /15:00:11/)
    await page.keyboard.press('Space')
    await page
      .locator('#moment h2')
      .filter({ hasText: /15:00:(1[3-9]|[2-5]\d)/ })
      .waitFor()
    await page.keyboard.press('Space')
    const stopped = await titleOf(page)
    await page.waitForTimeout(500)
    assert.equal(await titleOf(page), stopped)
    await page.keyboard.press('+')
    assert.ok((await hashOf(page)).has('from'))
    await page.keyboard.press('-')
    assert.ok(!(await hashOf(page)).has('from'))
    await page.keyboard.press('?')
    assert.ok(await page.locator('dialog').isVisible())
    await page.keyboard.press('Escape')
    assert.ok(!(await page.locator('dialog').isVisible()))
    await page.close()
  })

  it('filters names, and keeps its keys out of the field', async () => {
    const { page } = await opened('incident')
    await page.keyboard.press('/')
    await page.keyboard.type('users')
    await page.locator('#moment tbody tr.route').first().waitFor()
    const names = await rowsOf(page)
    assert.ok(
      names.filter((each) => each.startsWith('GET')).every((each) => each.includes('users')),
      names.join(),
    )
    assert.equal((await hashOf(page)).get('where'), 'users')
    await page.keyboard.press('Control+A')
    await page.keyboard.type('nowhere')
    await page.locator('#moment .note').filter({ hasText: 'No backend or route has' }).waitFor()
    await page.close()
  })

  it('goes from a backend to its routes to the requests, by keys alone', async () => {
    const { page } = await opened('incident')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    assert.equal(await page.locator('.crumb').count(), 2)
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    assert.equal(await page.locator('.crumb').count(), 3)
    await page.keyboard.press('Enter')
    assert.match(
      await page.locator('.requests code').innerText(),
      /^upstreamtop requests \S*incident\.db --from 2026-11-22T15:00:00\+01:00 --to \S+ --where '?.*backend = .*route = /,
    )
    await page.keyboard.press('Escape')
    assert.equal(await page.locator('.requests code').count(), 0)
    await page.close()
  })

  it('reads a cell of the map out, for a pointer and for a keyboard', async () => {
    const { page } = await opened('incident')
    const map = page.locator('.heatmap .over')
    await map.hover({ position: { x: 200, y: 200 } })
    assert.match(await page.locator('.tip').innerText(), /all\s+15:0\d:\d\d · [\d.]+.*[mµ]s · \d+ answers?/)
    await map.click({ position: { x: 200, y: 200 } })
    assert.match(await page.locator('.requests h3').innerText(), /2026-11-22 15:0\d:\d\d, [\d.]+.*[mµ]s/)
    await map.focus()
    const before = await map.getAttribute('aria-valuetext')
    await page.keyboard.press('ArrowUp')
    assert.notEqual(await map.getAttribute('aria-valuetext'), before)
    await page.close()
  })

  it('sorts the table of the moment, and those of the report by what their cells mean', async () => {
    const { page } = await opened('incident')
    await page.locator('#moment th button', { hasText: 'P99' }).click()
    assert.equal((await rowsOf(page))[0], '10.0.1.12:8080')
    await page.waitForURL(/sort=p99/)
    const table = page.locator('table.sortable').first()
    const head = table.locator('th button').last()
    await head.click()
    const column = (await table.locator('th').count()) - 1
    const cells = async (): Promise<string[]> =>
      (await table.locator('tbody tr').all()).length === 0
        ? []
        : table.locator(`tbody tr > :nth-child(${column + 1})`).allInnerTexts()
    const down = await cells()
    await head.click()
    assert.deepEqual((await cells()).toSorted(), down.toSorted())
    assert.ok(await table.locator('th[aria-sort=ascending]').isVisible())
    await page.close()
  })

  it('shows the numbers of the report', async () => {
    const { page } = await opened('incident')
    const rates = await page.locator('#moment tbody tr').allInnerTexts()
    assert.deepEqual(
      rates.map((row) => row.split('\t').map((cell) => cell.trim())[2]),
      ['27', '24', '3'],
    )
    await page.close()
  })

  it('takes nothing of the address for more than text', async () => {
    const hostile = encodeURIComponent('<img src=x onerror=alert(1)>')
    const { page, said } = await opened(
      'hostile',
      `#backend=${hostile}&route=${hostile}&where=${hostile}&from=1&to=2&at=9e99&sort=__proto__`,
    )
    assert.equal(await page.locator('img').count(), 0)
    assert.ok((await page.locator('.path').innerText()).includes('<img'))
    assert.deepEqual(said, [])
    await page.close()
  })
})
