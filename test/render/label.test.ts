/** What a backend is called in the room that there is. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Backend } from '../../src/frame/model/frame.ts'
import { labelAlone, labelsOf } from '../../src/frame/views/labels.ts'
import { fitLabel } from '../../src/render/label.ts'
import { cellWidth } from '../../src/render/text.ts'

const backend = (address: string, names: readonly string[] | null = null, netns = 1): Backend => ({
  id: 1,
  address,
  netns,
  names,
})
const shown = (width: number, backends: readonly Backend[], severalNamespaces = false): readonly string[] => {
  const label = labelsOf(backends, severalNamespaces)
  return backends.map((each) => fitLabel(label(each), width))
}

test('with room a backend has its names and its address; without a name, or where it is unknown, the address alone', () => {
  assert.deepEqual(
    shown(40, [
      backend('10.0.1.10:8080', ['api']),
      backend('10.0.1.11:8080', ['api', 'web']),
      backend('10.0.1.12:8080', []),
      backend('10.0.1.13:8080', null),
    ]),
    ['api · 10.0.1.10:8080', 'api, web · 10.0.1.11:8080', '10.0.1.12:8080', '10.0.1.13:8080'],
  )
})

test('where both do not fit, the name is cut as long as much of it is left, and then stands alone', () => {
  const one = [backend('10.0.1.10:8080', ['checkout', 'payments-internal'])]
  assert.deepEqual(shown(36, one), ['checkout, payments… · 10.0.1.10:8080'])
  assert.deepEqual(shown(29, one), ['checkout, p… · 10.0.1.10:8080'])
  assert.deepEqual(shown(28, one), ['checkout, payments-internal'])
  assert.deepEqual(shown(16, one), ['checkout, payme…'])
})

for (const [what, addresses, expected] of [
  ['the last part', ['10.0.1.10:8080', '10.0.1.11:8080'], ['…10', '…11']],
  ['the port', ['127.0.0.1:9001', '127.0.0.1:9002'], ['…:9001', '…:9002']],
  ['host and port', ['10.0.1.10:8080', '10.0.1.11:80'], ['…10:8080', '…11:80']],
  ['all', ['10.0.1.10:8080', '192.168.7.7:80'], ['10.0.1.10:8080', '192.168.7.7:80']],
  ['IPv6', ['[fd00::1]:80', '[fd00::2]:80'], ['…:1', '…:2']],
  ['IPv4 beside IPv6', ['10.0.1.10:80', '[fd00::2]:80'], ['10.0.1.10', '[fd00::2]']],
] as const)
  test(`backends of one name are told apart where the address has no room: ${what}`, () => {
    const label = labelsOf(
      addresses.map((address) => backend(address, ['a-rather-long-name'])),
      false,
    )
    assert.deepEqual(
      addresses.map((address) => label(backend(address, ['a-rather-long-name'])).apart),
      expected,
    )
  })

test('the same address in two namespaces is told apart by the namespace, and by the address, too, where that is needed', () => {
  const [one, other] = [4026531840, 4026532001]
  const two = [backend('127.0.0.1:9001', ['api'], one), backend('127.0.0.1:9001', ['api'], other)]
  assert.deepEqual(shown(20, two, true), ['api · …%4026531840', 'api · …%4026532001'])
  assert.deepEqual(shown(60, two, true), [
    'api · 127.0.0.1:9001%4026531840',
    'api · 127.0.0.1:9001%4026532001',
  ])
  const three = [...two, backend('127.0.0.1:9002', ['api'], other)]
  assert.deepEqual(shown(24, three, true), [
    'api · …:9001%4026531840',
    'api · …:9001%4026532001',
    'api · …:9002%4026532001',
  ])
  const addresses = [backend('10.0.1.10:80', ['api'], one), backend('10.0.1.11:80', ['api'], other)]
  assert.deepEqual(shown(20, addresses, true), ['api · 10.0.1.10:80', 'api · 10.0.1.11:80'])
  assert.deepEqual(shown(17, addresses, true), ['api · …10', 'api · …11'])
})

test('a label never takes more cells than it has, whatever is in it, and two of one name differ', () => {
  const names = [['api'], ['画像配信サーバー'], ['a\u0007\u202eb'.repeat(9)], ['x'.repeat(300), 'y']]
  for (const name of names) {
    const two = [
      backend('[2001:db8:85a3::8a2e:370:7334]:8080', name),
      backend('[2001:db8:85a3::8a2e:370:7335]:8080', name),
    ]
    for (let width = 12; width < 80; width++) {
      const texts = shown(width, two)
      for (const text of texts) assert.ok(cellWidth(text) <= width, `${text} in ${width}`)
      assert.equal(new Set(texts).size, 2, texts[0])
    }
    for (let width = 1; width < 80; width++)
      assert.ok(cellWidth(fitLabel(labelAlone(two[0]!, false), width)) <= width)
  }
})

test('without a name the port and the namespace stay, so that two are told apart', () => {
  const two = [backend('127.0.0.1:9001', [], 4026532001), backend('127.0.0.1:9001', [], 4026532002)]
  assert.deepEqual(shown(22, two, true), ['…0.0.1:9001%4026532001', '…0.0.1:9001%4026532002'])
  const long = [{ ...backend('10.0.1.10:8080', [], 1), namespace: 'webshop-frontend-production' }, ...two]
  const [first = ''] = shown(22, long, true)
  assert.equal(first, '….1.10:8080%…roduction')
})
