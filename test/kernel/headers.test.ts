/** The C files of kernel and helper: each header compiles alone, and the helper's parts have no circular dependency. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, relative } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ROOT, sh } from './lab/system.ts'

const BUILD = join(ROOT, 'build')
const INCLUDES = [`-I${BUILD}`, `-I${join(ROOT, 'bpf')}`]
const WARNINGS = ['-Wall', '-Wextra', '-Werror', '-Wno-unused-parameter', '-Wno-sign-compare']
const ARCHITECTURE = process.arch === 'x64' ? 'x86' : process.arch
const KERNEL = [
  'clang',
  '-target',
  'bpf',
  '-mcpu=v3',
  `-D__TARGET_ARCH_${ARCHITECTURE}`,
  ...WARNINGS,
  ...INCLUDES,
]
const HELPER = ['cc', '-std=gnu11', '-fno-strict-aliasing', '-D_GNU_SOURCE', ...WARNINGS, ...INCLUDES]
/** The parser's tests compile these for the host, too. */
const ON_BOTH_SIDES = /(kernel\/parser\/\w+|\/probe)\.h$/

const files = readdirSync(join(ROOT, 'bpf'), { recursive: true, encoding: 'utf8' }).map(
  (name) => `bpf/${name}`,
)
/** For captures everything is compiled once more, for WebAssembly, with other headers in the places of the kernel's and of libbpf's. */
const isPortable = (file: string): boolean => file.startsWith('bpf/portable/')
const headers = files.filter((file) => file.endsWith('.h') && !isPortable(file)).sort()
const programs = files.filter((file) => file.endsWith('.bpf.c'))
const parts = files
  .filter((file) => file.endsWith('.c') && !file.endsWith('.bpf.c') && !isPortable(file))
  .sort()

describe(
  'the C files',
  { skip: existsSync(join(BUILD, 'upstreamtop.skel.h')) ? false : 'needs make build' },
  () => {
    test('every header compiles alone, on each side that includes it', async () => {
      const byGroup = [...KERNEL, '-DBY_CGROUP=1']
      const fromMemory = [...byGroup, '-DFROM_MEMORY=1']
      const [atInterfaces, atGroups, inMemory, helper] = await Promise.all([
        included(KERNEL, programs),
        included(byGroup, programs),
        included(fromMemory, programs),
        included(HELPER, parts),
      ])
      const packets = new Set([...atInterfaces, ...atGroups])
      const sides = headers.flatMap((header) => [
        ...(packets.has(header) ? [{ header, compiler: KERNEL }] : []),
        ...(inMemory.has(header) ? [{ header, compiler: fromMemory }] : []),
        ...(helper.has(header) || ON_BOTH_SIDES.test(header) ? [{ header, compiler: HELPER }] : []),
      ])
      assert.deepEqual(
        headers.filter((header) => !sides.some((side) => side.header === header)),
        [],
        'nothing includes it: remove it',
      )
      const failures: string[] = []
      for (const { header, compiler } of sides) {
        const said = await firstError([
          ...compiler,
          '-fsyntax-only',
          '-include',
          join(ROOT, header),
          '-x',
          'c',
          '/dev/null',
        ])
        if (said !== null) failures.push(`${header} (${compiler[0]!}): ${said}`)
      }
      assert.deepEqual(failures, [], 'include what the header uses')
    })

    test('every header of the machine for captures compiles alone', async () => {
      const portable = [
        ...[
          'clang',
          '--target=wasm32-wasi',
          '-std=gnu11',
          '-D_GNU_SOURCE',
          '-DCLOCK_BOOTTIME=CLOCK_MONOTONIC',
        ],
        ...[...WARNINGS, '-Wno-unused-function'],
      ]
      const inPortable = (folder: string): string => `-I${join(ROOT, 'bpf/portable', folder)}`
      const asKernel = [...portable, inPortable('include'), `-I${join(ROOT, 'bpf')}`]
      const asHelper = [
        ...portable,
        inPortable('helper'),
        `-I${join(ROOT, 'bpf')}`,
        `-I${join(ROOT, 'bpf/helper')}`,
      ]
      const failures: string[] = []
      for (const header of files.filter((file) => file.endsWith('.h') && isPortable(file)).sort()) {
        const compiler = header.startsWith('bpf/portable/include/') ? asKernel : asHelper
        const said = await firstError([
          ...[...compiler, '-fsyntax-only', '-include', join(ROOT, header)],
          ...['-x', 'c', '/dev/null'],
        ])
        if (said !== null) failures.push(`${header}: ${said}`)
      }
      assert.deepEqual(failures, [], 'include what the header uses')
    })

    describe('the parts of the helper', () => {
      let folder: string
      before(() => (folder = mkdtempSync(join(tmpdir(), 'upstreamtop-parts-'))))
      after(() => rmSync(folder, { recursive: true, force: true }))

      test('have no circular dependency', async () => {
        const symbols = new Map<string, { readonly defines: string[]; readonly needs: string[] }>()
        for (const part of parts) {
          const object = join(folder, `${basename(part)}.o`)
          await sh(...HELPER, '-c', join(ROOT, part), '-o', object)
          const [defines, needs] = [
            await namesIn(object, '--defined-only'),
            await namesIn(object, '--undefined-only'),
          ]
          symbols.set(part, { defines, needs })
        }
        const home = new Map(
          [...symbols].flatMap(([part, { defines }]) => defines.map((name) => [name, part] as const)),
        )
        const next = new Map(
          [...symbols].map(
            ([part, { needs }]) => [part, needs.flatMap((name) => home.get(name) ?? [])] as const,
          ),
        )
        assert.ok([...next.values()].some((needed) => needed.length > 0))
        assert.deepEqual(cycles(next), [], 'move what both need into a file of its own')
      })
    })
  },
)

/** Our headers that the sources include, as paths from the root. */
async function included(
  compiler: readonly string[],
  sources: readonly string[],
): Promise<ReadonlySet<string>> {
  const rules = await Promise.all(sources.map((source) => sh(...compiler, '-MM', join(ROOT, source))))
  const paths = rules.flatMap((rule) => rule.replaceAll('\\\n', ' ').split(/\s+/))
  return new Set(paths.filter((path) => path.startsWith('/')).map((path) => relative(ROOT, path)))
}

/** The first error of a compiler; null if there is none. */
async function firstError(words: readonly string[]): Promise<string | null> {
  try {
    await sh(...words)
    return null
  } catch (error) {
    const said = (error as { readonly stderr?: string }).stderr ?? String(error)
    return /error: (.*)/.exec(said)?.[1] ?? said
  }
}

const namesIn = async (object: string, which: string): Promise<string[]> =>
  (await sh('nm', '--extern-only', '--format=just-symbols', which, object)).split('\n').filter(Boolean)

function cycles(next: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = []
  const done = new Set<string>()
  const visit = (part: string, path: readonly string[]): void => {
    if (path.includes(part)) found.push([...path.slice(path.indexOf(part)), part].join(' → '))
    else if (!done.has(part)) {
      for (const needed of new Set(next.get(part))) visit(needed, [...path, part])
      done.add(part)
    }
  }
  for (const part of next.keys()) visit(part, [])
  return found
}
