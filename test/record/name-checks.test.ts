import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nameChecks, type NameFacts } from '../../src/record/doctor/name-checks.ts'

const linesFor = (facts: NameFacts): string[] =>
  nameChecks(facts).map(({ state, what, remedy }) => `${state}: ${what}${remedy === null ? '' : ' → --name'}`)

const block = (name: string, ...examples: readonly string[]) => ({ name, servers: examples.length, examples })

test('an older helper says nothing of names', () => assert.deepEqual(linesFor({}), []))

test('each block has a line with its servers; many are counted', () => {
  assert.deepEqual(
    linesFor({
      blocks: [
        block('api', '10.0.0.1:80 weight=2', 'unix:/run/a.sock backup'),
        { ...block('web', 'a', 'b', 'c', 'd'), servers: 9 },
        block('empty'),
      ],
    }),
    [
      'ok: upstream "api": 10.0.0.1:80 weight=2, unix:/run/a.sock backup',
      'ok: upstream "web": a, b, c, d and 5 more',
      'ok: upstream "empty": no server in the text',
    ],
  )
  const many = Array.from({ length: 20 }, (_, n) => block(`b${n}`, '10.0.0.1'))
  assert.deepEqual(linesFor({ blocks: many, blocks_left_out: 3 }).slice(16), ['ok: 7 more upstream blocks'])
  assert.equal(linesFor({ blocks: many.slice(0, 17) }).length, 17)
})

test('what has no name is said with its reason; a host is told by its port if all else is known', () => {
  const hosts = { hosts: ['a.example:80'], host_count: 3 }
  assert.deepEqual(linesFor(hosts), [
    'ok: not in /etc/hosts: a.example:80 and 2 more; told by the port, where no other host has it',
  ])
  assert.deepEqual(linesFor({ ...hosts, runtime: 'proxy_pass $x', runtime_count: 2, names_left_out: 4 }), [
    'warning: no name, because they are only known at run time: proxy_pass $x and 1 more → --name',
    'warning: 4 names found no room → --name',
    'warning: not in /etc/hosts: a.example:80 and 2 more; without a name → --name',
  ])
})
