import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { chromium, type Browser, type Page } from 'playwright-core'
import type { Recording } from '../../../src/frame/model/recording.ts'
import { EVERYTHING } from '../../../src/frame/expression/selection.ts'
import { spanOf } from '../../../src/frame/time/time.ts'
import { addMicros } from '../../../src/frame/model/units.ts'
import { FORMATS } from '../../../src/report/formats/formats.ts'
import { BY_REQUESTS } from '../../../src/report/data/order.ts'
import { reportOf, type Report } from '../../../src/report/formats/report.ts'
import { backend, frame, incident, recording, route, START } from '../fake.ts'
import { shop } from '../shop.ts'

const CHROMIUM = '/usr/bin/chromium'

function report(of: Recording): Report {
  return reportOf([of], {
    query: { range: spanOf(of.ticks)!, selection: EVERYTHING, order: BY_REQUESTS, top: null },
    by: null,
    timeZone: 'Europe/Berlin',
    command: 'upstreamtop report web1.db --format html',
    points: 900,
    slowest: true,
  })
}
const pageOf = async (of: Recording): Promise<string> => [...(await FORMATS.html.write(report(of)))].join('')

describe('the HTML report', () => {
  it('allows only its own script and style, and links to nothing outside', async () => {
    const page = await pageOf(incident())
    const [, policy] = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(page) ?? []
    assert.match(
      policy ?? '',
      /^default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'; base-uri 'none'; form-action 'none'$/,
    )
    assert.ok(!/(src|href|action)\s*=\s*["']?(https?:)?\/\//.test(page))
  })

  it('escapes names from the network', async () => {
    const page = await pageOf(incident())
    assert.ok(page.includes('&#60;img src=x onerror=alert(1)&#62;'))
    assert.ok(!page.includes('<img'))
    assert.match(
      page.replace(/<script>[^]*?<\/script>/g, ''),
      /^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]*$/,
    )
  })

  it('stays below 2 MB for any recording by using longer steps', async () => {
    const routes = Array.from({ length: 60 }, (_, i) => route('GET', `/a/rather/long/path/to/something/${i}`))
    const backends = Array.from({ length: 12 }, (_, i) => backend(`10.0.${i}.1:8080`))
    const frames = Array.from({ length: 3000 }, (_, i) =>
      frame(
        i,
        addMicros(START, i * 1e6),
        backends.map((to, j) => ({ backend: to, route: routes[(i + j * 5) % 60]!, times: [1000 + i] })),
      ),
    )
    const page = await pageOf(recording(frames))
    assert.ok(page.length < 2_000_000, `${page.length}`)
    assert.match(page, /By (2s|5s|10s|15s|30s), the finest step/)
  })
})

describe(
  'the HTML report in Chromium',
  { skip: existsSync(CHROMIUM) ? false : `there is no ${CHROMIUM}` },
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-html-'))
    const file = join(folder, 'report.html')
    let browser: Browser
    before(async () => {
      writeFileSync(file, await pageOf(incident()))
      browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
    })
    after(async () => {
      await browser.close()
      rmSync(folder, { recursive: true })
    })

    async function opened(
      options: { readonly javaScriptEnabled?: boolean; readonly colorScheme?: 'dark' | 'light' } = {},
    ): Promise<{ page: Page; errors: string[]; requests: string[] }> {
      const page = await browser.newPage(options)
      const errors: string[] = []
      const requests: string[] = []
      page.on('console', (message) => errors.push(message.text()))
      page.on('pageerror', (error) => errors.push(error.message))
      page.on('dialog', (dialog) => errors.push(dialog.message()))
      page.on('request', (request) => requests.push(request.url()))
      await page.goto(`file://${file}`)
      return { page, errors, requests }
    }

    it('opens without errors and requests, in light and dark', async () => {
      for (const colorScheme of ['light', 'dark'] as const) {
        const { page, errors, requests } = await opened({ colorScheme })
        assert.equal(await page.locator('figure .uplot canvas').count(), 3)
        assert.deepEqual(errors, [])
        assert.deepEqual(requests, [`file://${file}`])
        assert.equal(await page.locator('img').count(), 0)
        await page.close()
      }
    })

    it('prints black on white and within the page, also in dark mode', async () => {
      const { page, errors } = await opened({ colorScheme: 'dark' })
      await page.setViewportSize({ width: 718, height: 1000 })
      await page.evaluate("addEventListener('afterprint', () => (globalThis.printed = true))")
      const pdf = await page.pdf({ format: 'A4' })
      assert.equal(pdf.subarray(0, 5).toString(), '%PDF-')
      assert.equal(await page.evaluate('globalThis.printed'), true)
      await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
      await page.evaluate("dispatchEvent(new Event('beforeprint'))")
      const [back, ink, line, width] = await page.evaluate<[string, string, string, number]>(`[
        getComputedStyle(document.body).backgroundColor,
        getComputedStyle(document.body).color,
        getComputedStyle(document.documentElement).getPropertyValue('--rate').trim(),
        Math.max(...[...document.querySelectorAll('table, figure, pre')].map((each) => each.getBoundingClientRect().right)),
      ]`)
      assert.deepEqual([back, ink, line], ['rgb(255, 255, 255)', 'rgb(28, 33, 39)', '#2563eb'])
      assert.ok(width <= 718, `${width} px wide`)
      assert.deepEqual(errors, [])
      await page.close()
    })

    it('shows the leaderboard of any moment, and a gap as a gap', async () => {
      const { page, errors } = await opened()
      const slide = async (index: number): Promise<string> => {
        await page.locator('#scrubber input').fill(String(index))
        return page.locator('#board').innerText()
      }
      assert.match(await slide(0), /10\.0\.1\.10:8080/)
      assert.match(await slide(130), /checkout[^]*POST \/checkout[^]*303ms/)
      assert.equal(await page.locator('#moment').innerText(), '2026-11-22 15:02:10')
      assert.match(await slide(110), /Nothing was recorded/)
      assert.ok((await slide(30)).includes('\\x1b[2J|<img src=x'))
      assert.deepEqual(errors, [])
      await page.close()
    })

    it('has the gRPC errors of each moment, and the statuses by name', async () => {
      const cart = join(folder, 'grpc.html')
      writeFileSync(cart, await pageOf(shop()))
      const page = await browser.newPage()
      const errors: string[] = []
      page.on('pageerror', (error) => errors.push(error.message))
      await page.goto(`file://${cart}`)
      const slide = async (index: number): Promise<string> => {
        await page.locator('#scrubber input').fill(String(index))
        return (await page.locator('#board').innerText()).replaceAll('\t', ' ')
      }
      assert.match(
        await slide(25),
        /5XX GRPC ERR FAILED\n.* 0% 27% 0\n.*Add .* 0% 40% 0\n.*Get .* 0% 0% 0\n.* 0% – 0\n/,
      )
      assert.match(await slide(41), /\n.* 0% 0% 0\n.*Add/)
      assert.ok(await page.getByText('14 UNAVAILABLE').isVisible())
      assert.equal(await page.getByText('5xx, gRPC errors and failures a second').count(), 1)
      assert.deepEqual(errors, [])
      await page.close()
    })

    it('shows the time of each moment where the clock was set by a year', async () => {
      const YEAR = 365 * 86_400
      const frames = Array.from({ length: 60 }, (_, i) =>
        frame(i, addMicros(START, (i < 20 ? i : i + YEAR) * 1e6), [
          { backend: backend('10.0.1.10:8080'), route: route('GET', '/a'), times: [1000] },
        ]),
      )
      const stepped = join(folder, 'stepped.html')
      writeFileSync(stepped, await pageOf(recording(frames)))
      const page = await browser.newPage()
      const errors: string[] = []
      page.on('pageerror', (error) => errors.push(error.message))
      await page.goto(`file://${stepped}`)
      const slide = async (index: number): Promise<string> => {
        await page.locator('#scrubber input').fill(String(index))
        return `${await page.locator('#moment').innerText()} ${await page.locator('#board').innerText()}`
      }
      assert.equal(await page.locator('#scrubber input').getAttribute('max'), '62')
      assert.match(await slide(19), /^2026-11-22 15:00:19\+01:00 BACKEND/)
      assert.match(await slide(21), /Nothing was recorded/)
      assert.match(await slide(23), /^2027-11-22 15:00:20\+01:00 BACKEND/)
      assert.match(await slide(62), /^2027-11-22 15:00:59\+01:00 BACKEND/)
      assert.deepEqual(errors, [])
      await page.close()
    })

    it('shows the offset of each moment where it changes within the range', async () => {
      const night = addMicros(
        START,
        (Date.parse('2026-10-25T00:59:00Z') - Date.parse('2026-11-22T14:00:00Z')) * 1000,
      )
      const frames = Array.from({ length: 120 }, (_, i) =>
        frame(i, addMicros(night, i * 1e6), [
          { backend: backend('10.0.1.10:8080'), route: route('GET', '/a'), times: [1000] },
        ]),
      )
      const file = join(folder, 'night.html')
      writeFileSync(file, await pageOf(recording(frames)))
      const page = await browser.newPage()
      await page.goto(`file://${file}`)
      const slide = async (index: number): Promise<string> => {
        await page.locator('#scrubber input').fill(String(index))
        return page.locator('#moment').innerText()
      }
      assert.equal(await slide(59), '2026-10-25 02:59:59+02:00')
      assert.equal(await slide(60), '2026-10-25 02:00:00+01:00')
      await page.close()
    })

    it('jumps to a finding on a click', async () => {
      const { page } = await opened()
      const finding = page.locator('li[data-at] button').filter({ hasText: 'failures' }).first()
      const expected = /^\d\d:\d\d:\d\d/.exec(await finding.innerText())?.[0]
      await finding.click()
      assert.equal(await page.locator('#moment').innerText(), `2026-11-22 ${expected}`)
      await page.close()
    })

    it('sorts its tables by value, not by text', async () => {
      const { page } = await opened()
      const routes = page.locator('section', { has: page.locator('h2', { hasText: /^Routes$/ }) })
      const column = async (n: number): Promise<string[]> =>
        routes.locator(`tbody td:nth-child(${n})`).allInnerTexts()
      await routes.locator('th button', { hasText: 'MAX' }).click()
      assert.deepEqual((await column(10)).slice(0, 3), ['450ms', '2.1ms', '80µs'])
      await routes.locator('th button', { hasText: 'MAX' }).click()
      assert.deepEqual((await column(10)).slice(-2), ['2.1ms', '450ms'])
      await page.close()
    })

    it('is readable without scripts: tables, findings and charts', async () => {
      const { page, errors } = await opened({ javaScriptEnabled: false })
      assert.equal(await page.locator('figure svg.static:visible').count(), 3)
      assert.ok(await page.getByText('/api/orders').first().isVisible())
      assert.ok(!(await page.locator('#scrubber').isVisible()))
      assert.deepEqual(errors, [])
      await page.close()
    })

    /** As a server with this policy shows the page. */
    async function servedWith(policy: string): Promise<Page> {
      const page = await browser.newPage()
      await page.route('http://ci.test/report.html', (route) =>
        route.fulfill({ path: file, headers: { 'content-security-policy': policy } }),
      )
      await page.goto('http://ci.test/report.html')
      return page
    }

    for (const policy of [
      "sandbox; default-src 'none'; style-src 'self'",
      "sandbox allow-same-origin; default-src 'none'; img-src 'self'; style-src 'self';",
      "default-src 'none'",
      "style-src 'self'",
    ]) {
      it(`is readable without its style, without dead controls: ${policy}`, async () => {
        const page = await servedWith(policy)
        assert.equal(await page.locator('figure svg.static:visible').count(), 3)
        assert.equal(await page.locator('figure canvas').count(), 0)
        const drawn = await page.evaluate<[number, string, string][]>(
          `[...document.querySelectorAll('figure svg')].map((svg) => {
            const { fill, stroke } = getComputedStyle(svg.querySelector('path'))
            return [svg.getBoundingClientRect().height, fill, stroke]
          })`,
        )
        assert.deepEqual(drawn, [
          [112, 'none', 'rgb(37, 99, 235)'],
          [112, 'none', 'rgb(217, 45, 32)'],
          [112, 'none', 'rgb(124, 58, 237)'],
        ])
        assert.equal(await page.locator('button:visible, input:visible').count(), 0)
        assert.match(
          await page.evaluate<string>(
            "getComputedStyle(document.querySelector('td:nth-child(2)')).textAlign",
          ),
          /right/,
        )
        assert.ok(await page.getByText('/api/orders').first().isVisible())
        await page.close()
      })
    }

    it('shows the numbers of the JSON', async () => {
      const { document } = report(incident())
      const { page } = await opened()
      const rows = await page
        .locator('section', { has: page.locator('h2', { hasText: /^Backends$/ }) })
        .locator('tbody tr')
        .allInnerTexts()
      assert.deepEqual(
        rows.map((row) => Number(row.split('\t')[1]!.replaceAll(',', ''))),
        document.backends.map(({ requests }) => requests),
      )
      await page.close()
    })
  },
)
