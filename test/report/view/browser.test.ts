/** `view` in a real browser: what it asks the server for, and shows of it. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it, type TestContext } from 'node:test'
import type { Browser } from 'playwright-core'
import { addMicros } from '../../../src/frame/model/units.ts'
import type { Recording } from '../../../src/frame/model/recording.ts'
import { EVERYTHING } from '../../../src/frame/expression/selection.ts'
import { selectionOption } from '../../../src/cli/values/expression.ts'
import { sortOption } from '../../../src/cli/values/sort.ts'
import { serveView } from '../../../src/report/view/view.ts'
import { openRecording } from '../../../src/store/read/reader.ts'
import { createRecording } from '../../../src/store/write/writer.ts'
import { META } from '../../store/support.ts'
import { dragOver, hashOf, launched, NO_BROWSER, opened, rowsOf, titleOf, violationsOf } from '../browser.ts'
import { backend, frame, incident, route, START } from '../fake.ts'

const fixture = (name: string): Recording => openRecording(`fixtures/recordings/${name}.db`)

async function served(t: TestContext, recordings: readonly Recording[], isGrowing = false): Promise<string> {
  const sources = recordings.map((recording) => ({
    ...{ recording, from: null, to: null, timeZone: 'Europe/Berlin' },
    isGrowing: () => isGrowing,
  }))
  const server = await serveView(
    sources,
    { host: '127.0.0.1', port: 0 },
    {
      selection: EVERYTHING,
      parseWhere: (text) => selectionOption('where', [text]),
      parseSort: sortOption,
      onBug: (error) => assert.fail(String(error)),
    },
  )
  t.after(() => {
    server.close()
    for (const recording of recordings) recording.close()
  })
  return server.url
}

describe('view in Chromium', { skip: NO_BROWSER }, () => {
  let browser: Browser
  before(async () => {
    browser = await launched()
  })
  after(() => browser.close())

  for (const colorScheme of ['light', 'dark'] as const)
    it(`shows a recording, says nothing, asks nobody else: ${colorScheme}`, async (t) => {
      const { page, said } = await opened(browser, await served(t, [fixture('incident')]), { colorScheme })
      await page.locator('#findings li button').first().click()
      await page.locator('.lanes .name.route').first().waitFor()
      assert.match(await titleOf(page), /15:01:00/)
      assert.match(
        await page.locator('h1').innerText(),
        /^web1 · 2026-11-22 15:00:00 – 15:08:00 Europe\/Berlin$/,
      )
      assert.deepEqual(await violationsOf(page), [])
      assert.deepEqual(said, [])
      await page.close()
    })

  it('has the numbers of the report for a range that was dragged over', async (t) => {
    const { page } = await opened(browser, await served(t, [fixture('incident')]))
    await dragOver(page, page.locator('.lanes .over'), 0.125, 0.25)
    await page.locator('#moment h2').filter({ hasText: '15:01:00 – 15:02:00' }).waitFor()
    const row = page.locator('#moment tbody tr').filter({ hasText: '10.0.1.10:8080' })
    await row.filter({ hasText: '40.6%' }).waitFor()
    await page.close()
  })

  it('lists the requests of a cell', async (t) => {
    const { page } = await opened(browser, await served(t, [fixture('incident')]))
    // Until its seconds are read a cell is a minute.
    await page.locator('#heat .note', { hasText: 'answers by 1s' }).waitFor()
    await page.keyboard.press('e')
    await page.keyboard.press('Enter')
    await page.locator('.requests tbody tr').first().waitFor()
    assert.ok(
      (await page.locator('.requests tbody tr').allInnerTexts()).every((row) => row.includes('15:01:00')),
    )
    await page.close()
  })

  it('filters by an expression, and points at what is wrong with one', async (t) => {
    const { page } = await opened(browser, await served(t, [fixture('incident')]))
    await page.keyboard.press('/')
    await page.keyboard.type("backend = '10.0.1.12:8080'")
    await page.keyboard.press('Enter')
    await page.waitForFunction("document.querySelectorAll('.lanes .name.backend').length === 1")
    assert.deepEqual(await rowsOf(page), ['10.0.1.12:8080'])
    await page.keyboard.press('Control+A')
    await page.keyboard.type('bogus = 1')
    await page.keyboard.press('Enter')
    await page
      .locator('.error')
      .filter({ hasText: /no measure[^]*bogus = 1\s+\^/ })
      .waitFor()
    await page.close()
  })

  it('shows two recordings in step, and what differs', async (t) => {
    const { page, said } = await opened(browser, await served(t, [fixture('incident'), fixture('grpc')]))
    await page.locator('.tools select').selectOption('the other file')
    await page.locator('.side .lanes').nth(1).waitFor()
    await page
      .locator('#moment tbody tr')
      .filter({ hasText: /^all\s*54 → 41/ })
      .waitFor()
    await dragOver(page, page.locator('.lanes .over').first(), 0.1, 0.2)
    await page.waitForURL(/from=/)
    await page.locator('.side h3').nth(1).filter({ hasText: '15:00:48 – 15:01:36' }).waitFor()
    await page
      .locator('.lanes .over')
      .nth(1)
      .click({ position: { x: 100, y: 60 } })
    assert.equal(await page.locator('.lanes .cursor:visible').count(), 2)
    assert.equal((await hashOf(page)).get('pair'), 'file')
    assert.deepEqual(await violationsOf(page), [])
    assert.deepEqual(said, [])
    await page.close()
  })

  it('says that nothing was recorded where the range beside it lies beyond the recording', async (t) => {
    const { page } = await opened(browser, await served(t, [fixture('incident')]), { hash: '#pair=-86400' })
    await page.locator('.error').filter({ hasText: 'nothing was recorded' }).waitFor()
    await page.close()
  })

  it('shows all of it where the address asks for what there is not, and says what', async (t) => {
    const hash = '#where=bogus&from=1&to=9&backend=nowhere&sort=p99'
    const { page } = await opened(browser, await served(t, [fixture('incident')]), { hash })
    await page.locator('.error').filter({ hasText: 'bogus' }).waitFor()
    assert.match(await titleOf(page), /15:00:00 – 15:08:00/)
    await page.keyboard.press('e')
    assert.match(await titleOf(page), /15:01:00/)
    await page.close()
  })

  it('takes names of the network for text only', async (t) => {
    const { page, said } = await opened(browser, await served(t, [incident()]))
    for (const name of await page.locator('.lanes .name.backend').all()) await name.click()
    await page.locator('.lanes .name.route').first().waitFor()
    assert.equal(await page.locator('img').count(), 0)
    assert.deepEqual(said, [])
    await page.close()
  })

  it('grows with the recording', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-view-'))
    const file = join(folder, 'growing.db')
    const sink = createRecording(file, META)
    t.after(() => {
      sink.close()
      rmSync(folder, { recursive: true })
    })
    const tick = (seq: number): void =>
      sink.append(
        frame(seq, addMicros(START, seq * 1e6), [
          { backend: backend('10.0.0.1:80'), route: route('GET', '/'), times: [1000, 2000] },
        ]),
      )
    for (let seq = 0; seq < 10; seq++) tick(seq)
    const { page, said } = await opened(
      browser,
      await served(t, [openRecording(file, { follow: true })], true),
    )
    await page.locator('#moment h2').filter({ hasText: '15:00:00 – 15:00:10' }).waitFor()
    for (let seq = 10; seq < 30; seq++) tick(seq)
    await page.locator('#moment h2').filter({ hasText: '15:00:00 – 15:00:30' }).waitFor()
    assert.deepEqual(said, [])
    await page.close()
  })
})
