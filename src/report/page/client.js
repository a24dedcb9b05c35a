// The script of the HTML report, inlined unchanged. Text from the traffic enters the page only as textContent.
/* global uPlot */
;(() => {
  const data = JSON.parse(document.getElementById('data').textContent)
  const { starts, step, zone, withOffset, seconds, totals, withGrpc, backends, routes, boards, bands } = data
  const count = seconds.length
  // Charts have equal steps from the first one on. After a hole the clock is further than that.
  const places = seconds.map((_, i) => starts[0][1] + i * step)
  const timeOf = (place) => {
    const index = (place - places[0]) / step
    const [first, second] = starts.findLast(([each]) => each <= index) ?? starts[0]
    return second + (index - first) * step
  }
  const indexOf = (time) => {
    const k = Math.max(
      0,
      starts.findLastIndex(([, second]) => second <= time),
    )
    const [first, second] = starts[k]
    return Math.min((starts[k + 1]?.[0] ?? count) - 1, first + (time - second) / step)
  }
  const placeOf = (time) => places[0] + indexOf(time) * step

  const clock = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' })
  const offset = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' })
  const offsetAt = (date) =>
    offset
      .formatToParts(date)
      .find(({ type }) => type === 'timeZoneName')
      .value.replace('GMT', '') || 'Z'
  const at = (second) => {
    const date = new Date(second * 1000)
    return clock.format(date) + (withOffset ? offsetAt(date) : '')
  }
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
  // A server's policy may allow the script and forbid the style: without it charts and controls do not work.
  if (color('rate') === '') return
  document.documentElement.classList.add('scripted')
  document.querySelector('.moment').hidden = false

  const latency = (us) => {
    if (us === null || us < 0) return '–'
    if (us < 999.5) return `${Math.round(us)}µs`
    if (us < 999500) return `${us < 9950 ? (us / 1000).toFixed(1) : Math.round(us / 1000)}ms`
    return `${us < 9950000 ? (us / 1e6).toFixed(1) : Math.round(us / 1e6)}s`
  }
  const rate = (value) =>
    value === null
      ? '–'
      : value >= 10000
        ? `${(value / 1000).toFixed(1)}k`
        : value >= 9.95
          ? String(Math.round(value))
          : String(Number(value.toFixed(1)))
  const share = (part, whole) =>
    whole === 0 ? '–' : `${((100 * part) / whole).toFixed(part > 0 && part / whole < 0.1 ? 1 : 0)}%`

  // ---- charts

  const element = (name, className, text) => {
    const made = document.createElement(name)
    if (className) made.className = className
    if (text !== undefined) made.textContent = text
    return made
  }

  let charts = []
  let current = 0

  const drawBands = (plot) => {
    const { ctx, bbox } = plot
    ctx.save()
    for (const { from, to, kind } of bands) {
      const left = Math.max(bbox.left, plot.valToPos(placeOf(from), 'x', true))
      const right = Math.min(
        bbox.left + bbox.width,
        Math.max(left + 2, plot.valToPos(placeOf(to), 'x', true)),
      )
      if (right <= left) continue
      ctx.globalAlpha = kind === 'marker' ? 0.9 : kind === 'gap' ? 0.25 : 0.14
      ctx.fillStyle = kind === 'gap' ? color('dim') : kind === 'marker' ? color('warn') : color('bad')
      ctx.fillRect(left, bbox.top, right - left, bbox.height)
    }
    const here = plot.valToPos(places[current], 'x', true)
    ctx.globalAlpha = 1
    ctx.fillStyle = color('ink')
    ctx.fillRect(here - 1, bbox.top, 2, bbox.height)
    ctx.restore()
  }

  const chart = (figure, series, format) => {
    const axis = {
      stroke: color('dim'),
      grid: { stroke: color('line'), width: 1 },
      ticks: { stroke: color('line') },
    }
    const host = element('div')
    figure.append(host)
    const plot = new uPlot(
      {
        width: figure.clientWidth || 800,
        height: 180,
        tzDate: (place) => uPlot.tzDate(new Date(timeOf(place) * 1000), zone),
        cursor: { sync: { key: 'time' }, drag: { x: true, y: false } },
        scales: { y: { range: (_, __, max) => [0, Math.max(max * 1.05, 1e-9)] } },
        axes: [
          {
            ...axis,
            values: [
              [86400, '{YYYY}-{MM}-{DD}'],
              [3600, '{HH}:{mm}', '\n{YYYY}-{MM}-{DD}'],
              [60, '{HH}:{mm}', '\n{YYYY}-{MM}-{DD}'],
              [1, '{HH}:{mm}:{ss}'],
            ],
          },
          { ...axis, size: 64, values: (_, ticks) => ticks.map(format) },
        ],
        series: [
          { label: 'time', value: (_, place) => (place === null ? '–' : at(timeOf(place))) },
          ...series.map(({ label, stroke }) => ({
            label,
            stroke: color(stroke),
            width: 1.5,
            points: { show: false },
            value: (_, value) => (value === null ? '–' : format(value)),
          })),
        ],
        hooks: { draw: [drawBands] },
      },
      [places, ...series.map(({ values }) => values)],
      host,
    )
    plot.over.addEventListener('click', () => {
      if (plot.cursor.idx !== null) show(plot.cursor.idx)
    })
    return plot
  }

  const drawCharts = () => {
    for (const plot of charts) plot.root.parentElement.remove()
    for (const plot of charts) plot.destroy()
    const figures = [...document.querySelectorAll('figure[data-chart]')]
    charts = figures.map((figure) => {
      const kind = figure.dataset.chart
      if (kind === 'rate')
        return chart(figure, [{ label: 'requests/s', stroke: 'rate', values: totals.rps }], rate)
      if (kind === 'errors')
        return chart(
          figure,
          [
            { label: '5xx/s', stroke: 'bad', values: totals.fivexx },
            { label: 'failures/s', stroke: 'warn', values: totals.failures },
            ...(withGrpc ? [{ label: 'gRPC errors/s', stroke: 'tail', values: totals.grpcErrors }] : []),
          ],
          rate,
        )
      return chart(
        figure,
        [
          { label: 'p50', stroke: 'time', values: totals.p50 },
          { label: 'p99', stroke: 'tail', values: totals.p99 },
        ],
        latency,
      )
    })
  }

  // ---- the leaderboard at a moment

  const BACKENDS = 8
  const ROUTES = 4
  const SPARK = 40
  const FIELDS = withGrpc ? 9 : 7
  const rowsOf = (flat) => {
    const rows = []
    for (let i = 0; i < flat.length; i += FIELDS) {
      const [id, requests, fivexx, answered, failures, p50, p99, grpcEnded = 0, grpcErrors = 0] = flat.slice(
        i,
        i + FIELDS,
      )
      rows.push({ id, requests, fivexx, answered, failures, p50, p99, grpcEnded, grpcErrors })
    }
    return rows
  }
  const byRequests = (a, b) => b.requests - a.requests || a.id - b.id

  const spark = (id, index) => {
    const values = []
    for (let i = Math.max(0, index - SPARK + 1); i <= index; i++) {
      const row = seconds[i] > 0 ? rowsOf(boards[i][0]).find((each) => each.id === id) : null
      values.push(seconds[i] > 0 ? (row ? row.requests / seconds[i] : 0) : null)
    }
    const most = Math.max(...values.map((value) => value ?? 0), 1e-9)
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
    svg.setAttribute('class', 'spark')
    svg.setAttribute('viewBox', `0 0 ${SPARK} 20`)
    svg.setAttribute('preserveAspectRatio', 'none')
    const line = document.createElementNS('http://www.w3.org/2000/svg', 'path')
    line.setAttribute('class', 'area')
    let pen = 'M'
    let path = ''
    values.forEach((value, i) => {
      if (value === null) pen = 'M'
      else {
        path += `${pen}${SPARK - values.length + i + 0.5} ${(19 - 18 * (value / most)).toFixed(1)}`
        pen = 'L'
      }
    })
    line.setAttribute('d', path)
    svg.append(line)
    return svg
  }

  const cell = (row, content, className) => {
    const made = element('td', className)
    if (content instanceof Node) made.append(content)
    else made.textContent = content
    row.append(made)
  }
  const line = (row, name, of, length, all) => {
    cell(row, name)
    cell(row, rate(of.requests / length), 'right')
    cell(row, share(of.requests, all), 'right')
    cell(row, latency(of.p50), 'right')
    cell(row, latency(of.p99), 'right')
    cell(row, share(of.fivexx, of.answered), of.fivexx > 0 ? 'right trouble' : 'right')
    if (withGrpc) cell(row, share(of.grpcErrors, of.grpcEnded), of.grpcErrors > 0 ? 'right trouble' : 'right')
    cell(row, String(of.failures), of.failures > 0 ? 'right trouble' : 'right')
  }

  const board = (index) => {
    const host = document.getElementById('board')
    host.replaceChildren()
    if (seconds[index] === 0) return host.append(element('p', 'dim', 'Nothing was recorded here.'))
    const [backendRows, routeRows] = boards[index].map(rowsOf)
    if (backendRows.length === 0) return host.append(element('p', 'dim', 'No requests.'))
    const all = backendRows.reduce((sum, row) => sum + row.requests, 0)
    const table = element('table')
    const head = element('tr')
    for (const [name, className] of [
      ['BACKEND'],
      [''],
      ['RPS', 'right'],
      ['SHARE', 'right'],
      ['P50', 'right'],
      ['P99', 'right'],
      ['5XX', 'right'],
      ...(withGrpc ? [['GRPC ERR', 'right']] : []),
      ['FAILED', 'right'],
    ])
      head.append(element('th', className, name))
    table.append(head)
    for (const row of backendRows.sort(byRequests).slice(0, BACKENDS)) {
      const tr = element('tr')
      line(tr, element('strong', '', backends[row.id]), row, seconds[index], all)
      tr.insertBefore(element('td'), tr.children[1]).append(spark(row.id, index))
      table.append(tr)
      const own = routeRows.filter(({ id }) => routes[id][0] === row.id).sort(byRequests)
      for (const route of own.slice(0, ROUTES)) {
        const tr2 = element('tr', 'route')
        line(
          tr2,
          element('code', '', `${routes[route.id][1]} ${routes[route.id][2]}`),
          route,
          seconds[index],
          row.requests,
        )
        tr2.insertBefore(element('td'), tr2.children[1])
        table.append(tr2)
      }
    }
    host.append(table)
  }

  const slider = document.querySelector('#scrubber input')
  const moment = document.getElementById('moment')
  const show = (index) => {
    current = Math.max(0, Math.min(count - 1, index))
    slider.value = String(current)
    moment.textContent = at(timeOf(places[current]))
    board(current)
    for (const plot of charts) plot.redraw(false)
  }

  let timer = null
  const play = document.querySelector('#scrubber button')
  const stop = () => {
    clearInterval(timer)
    timer = null
    play.textContent = 'Play'
  }
  play.addEventListener('click', () => {
    if (timer !== null) return stop()
    if (current >= count - 1) show(0)
    play.textContent = 'Pause'
    timer = setInterval(() => (current >= count - 1 ? stop() : show(current + 1)), 200)
  })
  slider.addEventListener('input', () => show(Number(slider.value)))

  // ---- a click on a finding shows its moment; tables can be sorted

  for (const item of document.querySelectorAll('li[data-at]')) {
    const button = element('button', '', item.textContent)
    button.type = 'button'
    button.addEventListener('click', () => {
      show(Math.floor(indexOf(Number(item.dataset.at))))
      document.getElementById('scrubber').scrollIntoView({ block: 'center' })
    })
    item.replaceChildren(button)
  }

  const UNITS = { µs: 1, ms: 1e3, s: 1e6, k: 1e3, M: 1e6, '%': 1, '': 1 }
  const sortValue = (text) => {
    const [, number, unit] = /^<?([\d.,]+)(µs|ms|s|k|M|%|)$/.exec(text) ?? []
    if (number === undefined) return text === '–' ? -1 : null
    return Number(number.replaceAll(',', '')) * UNITS[unit] - (text.startsWith('<') ? 1e-9 : 0)
  }
  const compareCells = (a, b) => {
    const [left, right] = [sortValue(a), sortValue(b)]
    return left !== null && right !== null ? left - right : a < b ? -1 : a > b ? 1 : 0
  }
  for (const table of document.querySelectorAll('table.sortable')) {
    const heads = [...table.tHead.rows[0].cells]
    heads.forEach((head, column) => {
      const button = element('button', '', head.textContent)
      button.type = 'button'
      button.addEventListener('click', () => {
        const descending = head.getAttribute('aria-sort') !== 'descending'
        for (const other of heads) other.removeAttribute('aria-sort')
        head.setAttribute('aria-sort', descending ? 'descending' : 'ascending')
        const sign = descending ? -1 : 1
        const rows = [...table.tBodies[0].rows]
        rows.sort((a, b) => sign * compareCells(a.cells[column].textContent, b.cells[column].textContent))
        table.tBodies[0].append(...rows)
      })
      head.replaceChildren(button)
    })
  }

  drawCharts()
  show(data.first)
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawCharts)
  // Paper is white in every colour scheme. A canvas keeps its old colours until it is drawn again.
  for (const [event, isPrinting] of [
    ['beforeprint', true],
    ['afterprint', false],
  ]) {
    addEventListener(event, () => {
      document.documentElement.classList.toggle('printing', isPrinting)
      drawCharts()
    })
  }
  addEventListener('resize', () =>
    charts.forEach((plot) => plot.setSize({ width: plot.root.parentElement.clientWidth, height: 180 })),
  )
})()
