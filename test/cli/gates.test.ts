/** Gates without data: `assert` and `diff --fail-on` fail, and say what was not there. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { runCommand, type Ran } from './run-command.ts'

const fixture = (name: string): string => join(import.meta.dirname, '../../fixtures/recordings', name)
const incident = fixture('incident.db')
const hold = (file: string, ...args: string[]): Promise<Ran> => runCommand(['assert', file, ...args])

async function fails(ran: Promise<Ran>, words: RegExp): Promise<void> {
  const { code, stdout } = await ran
  assert.equal(code, 3, stdout)
  assert.match(stdout, words)
}
async function passes(ran: Promise<Ran>, words = /^ok/m): Promise<void> {
  const { code, stdout, stderr } = await ran
  assert.equal(code, 0, stdout + stderr)
  assert.match(stdout, words)
}

/** Each holds of 0. */
const OF_ZERO = ['failures = 0', '5xx = 0', 'requests < 1', 'rps < 1000', 'not failures > 0', 'in_flight = 0']
const OF_LITTLE = ['coverage < 50%', 'p99 < 1s', '5xx < 1%', 'failures < 1%', 'absent(/old)']

describe('assert without data', () => {
  for (const expression of [...OF_ZERO, ...OF_LITTLE]) {
    it(`fails of an empty recording and in a gap: ${expression}`, async () => {
      const nothing = /^FAIL .* measured nothing \(of 0\): no tick was recorded in this range\n$/
      await fails(hold(fixture('no-tick.db'), expression), nothing)
      await fails(hold(fixture('gap.db'), '--from', '15:00:32', '--to', '15:00:48', expression), nothing)
    })
  }

  it('fails of a route, method or backend that never occurs, and suggests a name close to it', async () => {
    for (const [expression, words] of [
      ['failures(/chekout) = 0', /no route "\/chekout" occurs in the recording; did you mean "\/checkout"\?/],
      ["route = '/Checkout' and 5xx = 0", /no route "\/Checkout" .* mean "\/checkout"/],
      ['rps(/nope) < 1000', /no route "\/nope" occurs in the recording\n/],
      ['requests(POTS /checkout) < 5', /no method "POTS" .* mean "POST"/],
      ['backend = 10.0.1.99:8080 and failures = 0', /no backend "10\.0\.1\.99:8080" .* mean "10\.0\.1\.1\d/],
      ['failures(10.0.1.12) = 0', /no backend "10\.0\.1\.12" .* mean "10\.0\.1\.12:8080"/],
      ['(route = / or route = /chekout) and failures < 99', /no route "\/chekout"/],
      ['not (route != /chekout) and failures = 0', /no route "\/chekout"/],
      ['not failures(/chekout) > 0', /no route "\/chekout"/],
      [
        'backend = 10.0.1.12:8080 and coverage > 1% and requests(/healthz) = 0',
        /nothing in the recording is selected/,
      ],
      ["route ~ '^/chek' and failures = 0", /nothing in the recording is selected/],
    ] as const) {
      await fails(hold(incident, expression), words)
    }
  })

  it('fails of what --where does not select', async () => {
    await fails(
      hold(incident, 'failures = 0', '--where', 'backend = 10.0.1.99:8080'),
      /no backend "10\.0\.1\.99/,
    )
    await fails(hold(incident, 'failures = 0', '--where', 'method = DELETE'), /no method "DELETE"/)
    await fails(hold(incident, 'failures = 0', '--where', "route ~ 'chek'"), /nothing in the recording/)
    await fails(hold(incident, 'absent(/old)', '--where', 'route = /chekout'), /no route "\/chekout"/)
  })

  it('counts 0 of what occurs elsewhere in the recording, but no share of nothing', async () => {
    const quiet = ['--from', '15:00:12', '--to', '15:00:13']
    await passes(
      hold(incident, 'requests(/checkout) = 0', '5xx(POST /checkout) = 0', ...quiet),
      /measured 0 \(of 0\)/,
    )
    await passes(hold(incident, 'rps = 0', '--where', 'route = /checkout', ...quiet))
    await fails(
      hold(incident, '5xx(/checkout) < 1%', ...quiet),
      /nothing \(of 0\): there is nothing to take a share of/,
    )
    await fails(hold(incident, 'p99(/checkout) < 1s', ...quiet), /nothing \(of 0\): no time was measured/)
  })

  it('knows no connects of a route or method: they are of backends', async () => {
    const words = /nothing \(of 0\): connects are of backends: no route or method has them/
    await fails(hold(incident, 'connects(/checkout) = 0'), words)
    await fails(hold(incident, 'connects(POST) < 99'), words)
    await fails(hold(incident, 'route = /checkout and connects = 0'), words)
    await fails(hold(incident, 'connects = 0', '--where', 'method = POST'), words)
    await fails(hold(incident, 'connects(*) = 0', '--where', 'method = POST'), words)
    await passes(hold(incident, 'connects > 0', '--where', 'route != /checkout'))
    await passes(hold(incident, 'connects(10.0.1.12:8080) > 0'))
  })

  it('lets what must not be there be unknown', async () => {
    await passes(hold(incident, 'route != /metrics and requests > 0'))
    await passes(hold(incident, 'not route = /metrics and requests > 0'))
    await passes(hold(incident, "route ~ '^/(checkout|other)$' and requests > 0"))
  })

  it('says it in every format', async () => {
    for (const format of ['text', 'json', 'junit', 'github']) {
      const { code, stdout } = await hold(incident, 'failures(/chekout) = 0', '--format', format)
      assert.equal(code, 3)
      assert.match(stdout, /no route .{1,6}\/chekout.{1,6} occurs in the recording; did you mean/)
    }
    const { stdout } = await hold(incident, 'failures(/chekout) = 0', 'requests > 0', '--format', 'json')
    const { assertions } = JSON.parse(stdout) as {
      assertions: { measured: { value: number | null; count: number; reason: string | null }[] }[]
    }
    assert.deepEqual(
      assertions.map(({ measured: [first] }) => [first?.value === null, first?.reason === null]),
      [
        [true, false],
        [false, true],
      ],
    )
  })
})

describe('absent', () => {
  it('holds of a route, backend or method that does not occur in the range', async () => {
    await passes(hold(incident, 'absent(/old)'), /^ok .* measured absent \(of 24,211\)\n$/)
    await passes(hold(incident, 'absent(10.0.1.99:8080)', 'absent(POST /healthz)', 'not absent(/checkout)'))
    await passes(hold(incident, 'failures(/old) = 0 or absent(/old)'))
    await fails(hold(incident, 'absent(/checkout)'), /^FAIL .* measured there \(of 24,211\)\n$/)
    await fails(hold(incident, 'absent(10.0.1.12:8080 /checkout)'), /measured there/)
    await passes(hold(incident, 'backend = 10.0.1.10:8080 and absent(/checkout)'))
  })
  it('is no selection, and needs a target', async () => {
    for (const args of [
      ['report', incident, '--where', 'absent(/old)'],
      ['assert', incident, 'absent'],
      ['assert', incident, 'absent()'],
      ['assert', incident, 'absent(/old) = 1'],
      ['report', incident, '--sort', 'absent'],
    ])
      assert.equal((await runCommand(args)).code, 2, args.join(' '))
  })
})

describe('diff --fail-on without data', () => {
  const gate = (base: string, target: string, ...gates: string[]): Promise<Ran> =>
    runCommand(['diff', base, target, '--fail-on', ...gates])

  it('fails against a target that recorded nothing', async () => {
    for (const expression of [
      '5xx > 5',
      'failures > 0',
      'rps > 1000',
      '5xx > +1pp',
      'not requests > 0',
      'absent(/x)',
    ])
      await fails(
        gate(incident, fixture('no-tick.db'), expression),
        /FAIL .*nothing to compare: in the target no tick was recorded/,
      )
  })
  it('fails a change from a base that recorded nothing; the target alone has its own value', async () => {
    await fails(gate(fixture('no-tick.db'), incident, 'failures > +5'), /in the base no tick was recorded/)
    assert.equal((await gate(fixture('no-tick.db'), incident, 'failures > 100000')).code, 0)
  })
  it('fails of a name that never occurs', async () => {
    await fails(
      gate(incident, incident, 'failures(/chekout) > 5'),
      /in the target no route "\/chekout" .*"\/checkout"/,
    )
    await fails(
      runCommand(['diff', incident, incident, '--where', 'backend = 10.0.1.99:8080', '--fail-on', '5xx > 5']),
      /no backend "10\.0\.1\.99:8080"/,
    )
  })
  it('asserts by absent that something is there', async () => {
    await fails(gate(incident, incident, 'absent(/old)'), /FAIL .* measured absent\(\/old\) = absent\n/)
    assert.equal((await gate(incident, incident, 'absent(/checkout)', 'absent(/healthz)')).code, 0)
  })
})

describe('a gate about any one backend', () => {
  it('must hold of each that has data in assert, and names the first of which it does not', async () => {
    await fails(hold(incident, '5xx(*) < 1%'), /^FAIL .*5xx\(10\.0\.1\.1\d:8080\)/)
    await passes(hold(incident, '5xx(*) < 100%'), /5xx\(10\.0\.1\.1\d:8080\)/)
    await fails(hold(incident, 'not 5xx(*) > 1%'), /^FAIL/)
    await fails(hold(fixture('no-tick.db'), '5xx(*) < 1%'), /no tick was recorded/)
  })

  it('is about one that vanished, too: its counts in the range are 0, a share of them is nothing', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-gates-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const vanished = join(folder, 'vanished.db')
    await runCommand(['synth', '-o', vanished, '--secs', '120', '--incident', 'vanish:1@60..120'])
    const late = ['--from', '+70s']
    await fails(
      hold(vanished, ...late, 'requests(*) > 10'),
      /^FAIL .* measured requests\(10\.0\.1\.10:8080\) = 0 \(of 0\)\n$/,
    )
    await fails(
      hold(vanished, ...late, 'requests(* GET /healthz) > 0'),
      /10\.0\.1\.10:8080 GET \/healthz\) = 0/,
    )
    await passes(hold(vanished, ...late, 'requests(*) > 10', '--where', 'backend != 10.0.1.10:8080'))
    await passes(hold(vanished, ...late, '5xx(*) < 50%'))
    const ranges = ['--base', '+0s..+50s', '--target', '+70s..']
    await fails(
      runCommand(['diff', vanished, ...ranges, '--fail-on', 'rps(*) < -50%']),
      /10:8080\) = -100\.0%/,
    )
    const [before, after] = [join(folder, 'before.db'), join(folder, 'after.db')]
    await runCommand(['cut', vanished, '--to', '+50s', '-o', before])
    await runCommand(['cut', vanished, '--from', '+70s', '-o', after])
    const compared = (...gates: string[]): Promise<Ran> =>
      runCommand(['diff', before, after, '--fail-on', ...gates])
    await fails(compared('rps(*) < -50%'), /10:8080\) = -100\.0%/)
    await fails(compared('requests(*) < 1'), /10:8080\) = 0/)
    await fails(compared('connects(*) < 1'), /10:8080\) = 0/)
    await passes(compared('5xx(*) > 50%', 'p99(*) > +900%', 'failures(*) > +50pp'), /ok    p99/)
    await fails(
      runCommand(['diff', before, fixture('no-tick.db'), '--fail-on', 'requests(*) < 1']),
      /in the target no tick was recorded/,
    )
  })

  it('fails a comparison if one of them has it', async () => {
    const ran = await runCommand(['diff', incident, incident, '--fail-on', '5xx(*) > 1%'])
    assert.equal(ran.code, 3, ran.stdout)
    assert.match(ran.stdout, /5xx\(10\.0\.1\.1\d:8080\) = /)
    const none = await runCommand(['diff', incident, incident, '--fail-on', '5xx(*) > 99%'])
    assert.equal(none.code, 0, none.stdout)
  })

  it('selects nothing, and takes no span: exit 2', async () => {
    for (const [words, said] of [
      [['report', incident, '--where', '5xx(*) > 1%'], /--where: \(\*\) selects nothing/],
      [['report', incident, '--where', '5xx > 1% for 10s'], /--where: "for" is only in record --on/],
      [['assert', incident, '5xx < 1% for 10s'], /"for" is only in record --on.*character 10/],
      [['diff', incident, incident, '--fail-on', '5xx > 1% for 10s'], /"for" is only in record --on/],
    ] as const) {
      const { code, stderr } = await runCommand(words)
      assert.equal(code, 2)
      assert.match(stderr, said)
    }
  })
})
