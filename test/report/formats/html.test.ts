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

  it('stays below 2 MB, and says its step', async () => {
    const routes = Array.from({ length: 60 }, (_, i) => route('GET', `/a/rather/long/path/to/something/${i}`))
    const backends = Array.from({ length: 12 }, (_, i) => backend(`10.0.${i}.1:8080`))
    const frames = Array.from({ length: 1200 }, (_, i) =>
      frame(
        i,
        addMicros(START, i * 1e6),
        backends.map((to, j) => ({ backend: to, route: routes[(i + j * 5) % 60]!, times: [1000 + i] })),
      ),
    )
    const page = await pageOf(recording(frames))
    assert.ok(page.length < 2_000_000, `${page.length}`)
    assert.match(page, /Steps of (1|2)s, the finest that fits on this page\./)
  })

  it('numbers its findings, and has the same numbers as marks on the lanes', async () => {
    const page = await pageOf(incident())
    const { findings } = report(incident()).document
    const numbers = (pattern: RegExp): number[] => [...page.matchAll(pattern)].map(([, n]) => Number(n))
    const all = findings.map((_, i) => i + 1)
    assert.deepEqual(numbers(/<li id="finding-(\d+)"/g), all)
    assert.deepEqual(numbers(/<a href="#finding-(\d+)"/g), all)
    assert.deepEqual(
      numbers(/data-finding="(\d+)"/g),
      all.map((n) => n - 1),
    )
  })

  it('draws beside each name of a renamed backend the traffic of that name', async () => {
    const row = (name: string, times: number[], codes: number[]) => ({
      backend: backend('10.0.1.10:8080', { names: [name] }),
      route: route('GET', '/x'),
      times,
      codes,
    })
    const page = await pageOf(
      recording(
        Array.from({ length: 9 }, (_, i) =>
          frame(i, addMicros(START, i * 1e6), [
            i < 6 ? row('api', [900, 900], [200]) : row('shop', [900], [503]),
          ]),
        ),
      ),
    )
    const cells = [...page.matchAll(/<tr><td[^>]*><code>(api|shop) ·.*?<svg class="spark"(.*?)<\/svg>/g)]
    assert.deepEqual(
      cells.map(([, name, drawn]) => [name, drawn!.includes('class="t4"')]),
      [
        ['api', false],
        ['shop', true],
        ['api', false],
        ['shop', true],
      ],
    )
  })

  it('says why it has no findings: nothing changed, or nothing was recorded', async () => {
    const of = (times: number[]) => ({ backend: backend('10.0.1.10:8080'), route: route('GET', '/'), times })
    assert.match(await pageOf(recording([frame(0, START, [of([900])])])), /none: nothing changed enough/)
    const nothing = reportOf([recording([])], {
      query: {
        range: { from: START, to: START },
        selection: EVERYTHING,
        order: BY_REQUESTS,
        top: null,
      },
      by: null,
      timeZone: 'UTC',
      command: 'upstreamtop report no-tick.db',
      points: 900,
      slowest: true,
    })
    assert.match([...(await FORMATS.html.write(nothing))].join(''), /none: nothing was recorded/)
  })

  it('says beside the headline what may be wrong', async () => {
    const page = await pageOf(incident())
    assert.match(page, /<ul class="doubts"><li>lost: ring_dropped 3, map_refused 2<\/li><\/ul>/)
    assert.ok(!(await pageOf(shop())).includes('<ul class="doubts">'))
  })

  it('keeps zero quiet, and trouble loud', async () => {
    const page = await pageOf(shop())
    assert.match(page, /<div class="zero"><dt>5xx<\/dt><dd><strong>0%<\/strong>/)
    assert.match(page, /<div class="bad"><dt>gRPC errors<\/dt><dd><strong>7\.00%<\/strong>/)
  })

  it('has bars in cells and lanes beside names, in the tables of backends and routes', async () => {
    const page = await pageOf(incident())
    const table = (title: string): string =>
      new RegExp(`<h2>${title}</h2>[^]*?</section>`).exec(page)?.[0] ?? ''
    assert.equal(table('Backends').match(/class="spark"/g)?.length, 2)
    assert.equal(table('Routes').match(/class="spark"/g)?.length, 5)
    assert.match(table('Backends'), /640<br \/?><svg class="bar"|<br><svg class="bar"/)
    assert.ok(!table('Status codes').includes('class="spark"'))
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
        assert.deepEqual(errors, [])
        assert.deepEqual(requests, [`file://${file}`])
        assert.equal(await page.locator('img').count(), 0)
        await page.close()
      }
    })

    it('prints black on white and within the page, also in dark mode', async () => {
      const { page } = await opened({ colorScheme: 'dark', javaScriptEnabled: false })
      await page.setViewportSize({ width: 718, height: 1000 })
      await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
      const { back, ink, right } = await styleOf(page)
      assert.deepEqual([back, ink], ['rgb(255, 255, 255)', 'rgb(22, 32, 44)'])
      assert.ok(right <= 718, `${right} px wide`)
      const pdf = await page.pdf({ format: 'A4', preferCSSPageSize: true })
      assert.equal(pdf.subarray(0, 5).toString(), '%PDF-')
      const pages = pdf.toString('latin1').match(/\/Type\s*\/Page[^s]/g)?.length ?? 0
      assert.ok(pages <= 2, `${pages} pages`)
      await page.close()
    })

    const styleOf = async (page: Page): Promise<{ back: string; ink: string; right: number }> =>
      page.evaluate(`({
        back: getComputedStyle(document.documentElement).backgroundColor,
        ink: getComputedStyle(document.body).color,
        right: Math.max(...[...document.querySelectorAll('table, svg, pre')].map((each) => each.getBoundingClientRect().right)),
      })`)

    for (const width of [400, 1280, 2560]) {
      it(`is no wider than a window of ${width} px`, async () => {
        const { page } = await opened({ javaScriptEnabled: false })
        await page.setViewportSize({ width, height: 900 })
        assert.equal(await page.evaluate<number>('document.documentElement.scrollWidth'), width)
        await page.close()
      })
    }

    it('is no wider than its window, however long a name is', async () => {
      const one = backend('10.0.1.10:8080', { names: ['n'.repeat(3000)] })
      const long = [{ backend: one, route: route('GET', `/${'ä'.repeat(3000)}`), times: [900] }]
      const longest = join(folder, 'longest.html')
      writeFileSync(longest, await pageOf(recording([frame(0, START, long)])))
      for (const javaScriptEnabled of [true, false]) {
        const page = await browser.newPage({ javaScriptEnabled, viewport: { width: 400, height: 900 } })
        await page.goto(`file://${longest}`)
        assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 400)
        await page.close()
      }
    })

    it('is readable without scripts: findings, lanes, heatmap and tables', async () => {
      const { page, errors } = await opened({ javaScriptEnabled: false })
      assert.equal(await page.locator('#lanes svg.lane:visible').count(), 3)
      assert.equal(await page.locator('#heat svg.heat:visible').count(), 1)
      assert.ok(await page.getByText('/api/orders').first().isVisible())
      assert.equal(await page.locator('#moment:visible, button:visible, input:visible').count(), 0)
      await page.locator('#lanes a[href="#finding-1"]').click()
      assert.equal(await page.locator('li:target').getAttribute('data-finding'), '0')
      assert.deepEqual(errors, [])
      await page.close()
    })

    it('says what its drawings show to who does not see them', async () => {
      const { page } = await opened({ javaScriptEnabled: false })
      const labels = await page
        .locator('svg[role=img]')
        .evaluateAll((all) =>
          all.map((each) =>
            (each as { getAttribute(name: string): string | null }).getAttribute('aria-label'),
          ),
        )
      assert.match(labels[0] ?? '', /^all: 1,182 requests, [\d.]+% in trouble, by 1s, 20 steps not recorded$/)
      assert.match(
        labels.at(-1) ?? '',
        /^header times of 1,122 of 1,122 answers by time, at most \d+ in a cell$/,
      )
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
        const heights = await page.evaluate<number[]>(
          "[...document.querySelectorAll('.static svg.lane, .static svg.heat')].map((each) => each.getBoundingClientRect().height)",
        )
        assert.deepEqual(heights, [56, 34, 34, 240])
        const colour = async (of: string, property: 'fill' | 'stroke'): Promise<string> =>
          page.evaluate(`getComputedStyle(document.querySelector('.static ${of}')).${property}`)
        assert.equal(await colour('.lane .t3', 'fill'), 'rgb(217, 84, 30)')
        assert.equal(await colour('.lane .presence', 'stroke'), 'rgb(195, 202, 210)')
        assert.equal(await colour('.heat .h1', 'fill'), 'rgb(222, 235, 247)')
        assert.equal(await colour('.heat .p99', 'fill'), 'none')
        assert.equal(await page.locator('button:visible, input:visible').count(), 0)
        assert.match(
          await page.evaluate<string>(
            "getComputedStyle(document.querySelector('.sortable td:nth-child(3)')).textAlign",
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
        .locator('tbody td:nth-child(3)')
        .allInnerTexts()
      assert.deepEqual(
        rows.map((cell) => Number(cell.trim().replaceAll(',', ''))),
        document.backends.map(({ requests }) => requests),
      )
      await page.close()
    })
  },
)
