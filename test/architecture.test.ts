/** The import rules. Each failure message says what to do instead. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'

interface Import {
  readonly file: string
  readonly target: string
}

const root = join(import.meta.dirname, '..')
const files = sourceFiles('src')

/** The subfolders of a folder, in order: each may import from those before it. ARCHITECTURE.md describes them. */
const SUBFOLDERS: Readonly<Record<string, readonly string[]>> = {
  frame: ['model', 'sum', 'time', 'expression', 'views'],
  store: ['sqlite', 'format', 'names', 'file', 'write', 'read', 'tools'],
  report: ['data', 'document', 'findings', 'picture', 'page', 'formats', 'parquet', 'gates', 'view'],
  replay: ['time', 'data', 'terminal', 'print', 'player'],
}
/** The rooms of bpf/kernel in their order: a header may include from those before its own. */
const KERNEL = 'bpf/kernel'
const KERNEL_ROOMS: readonly string[] = [
  'parser',
  'state',
  'packet',
  'host',
  'scope',
  'counting',
  'http1',
  'http2',
  'connection',
  'hooks',
]
/** A folder with more files has two subjects. */
const MOST_FILES = 20

test('every folder imports only from the folders below it', () => {
  const allowed: Readonly<Record<string, readonly string[]>> = {
    frame: [],
    store: ['frame'],
    render: ['frame'],
    record: ['frame'],
    replay: ['frame', 'render'],
    report: ['frame', 'render'],
    triggers: ['frame', 'render'],
    simulate: ['frame'],
    metrics: ['frame', 'render'],
    cli: ['frame', 'store', 'render', 'record', 'replay', 'report', 'triggers', 'simulate', 'metrics'],
  }
  const wrong = localImports().filter(({ file, target }) => {
    const from = folderOf(file)
    const to = folderOf(target)
    if (from === '' || from === to) return false
    if (to === '') return from === 'frame'
    return !allowed[from]?.includes(to)
  })
  assert.deepEqual(
    wrong.map(say),
    [],
    'move what is shared down to src/frame, or join the two features in src/cli',
  )
})

test('a subfolder imports only from the subfolders before it', () => {
  const wrong = localImports().filter(({ file, target }) => {
    const subfolders = SUBFOLDERS[folderOf(file)]
    if (subfolders === undefined || folderOf(file) !== folderOf(target)) return false
    return subfolders.indexOf(subfolderOf(file)) < subfolders.indexOf(subfolderOf(target))
  })
  assert.deepEqual(
    wrong.map(say),
    [],
    'move the needed function into the lower subfolder, or into a new file there',
  )
})

test('in a folder with ordered subfolders every file is in one of them, and each of them exists', () => {
  const lost = files.filter((file) => {
    const subfolders = SUBFOLDERS[folderOf(file)]
    return subfolders !== undefined && !subfolders.includes(subfolderOf(file))
  })
  assert.deepEqual(lost, [], 'move it into a subfolder, or add its subfolder here and to ARCHITECTURE.md')
  const empty = Object.entries(SUBFOLDERS).flatMap(([folder, subfolders]) =>
    subfolders
      .map((subfolder) => `src/${folder}/${subfolder}/`)
      .filter((subfolder) => !files.some((file) => file.startsWith(subfolder))),
  )
  assert.deepEqual(empty, [], 'remove the subfolder from the order')
})

test('a kernel header includes only from its own room and from the rooms before it', () => {
  const includes = kernelHeaders().flatMap((file) => kernelIncludes(file))
  assert.notEqual(includes.length, 0)
  const wrong = includes.filter(
    ({ file, target }) =>
      KERNEL_ROOMS.indexOf(kernelRoomOf(file)) < KERNEL_ROOMS.indexOf(kernelRoomOf(target)),
  )
  assert.deepEqual(
    wrong.map(({ file, target }) => `${file} includes ${target}`),
    [],
    'move the function that is needed into the lower room, or into a header of its own there',
  )
})

test('every kernel header lies in a room, and every room is in the order', () => {
  const rooms = new Set(kernelHeaders().map(kernelRoomOf))
  assert.deepEqual(
    [...rooms].sort(),
    [...KERNEL_ROOMS].sort(),
    'move the header into a room, or correct the order here and in ARCHITECTURE.md',
  )
})

test('no folder has more than 20 files', () => {
  const sizes = new Map<string, number>()
  for (const file of files) sizes.set(dirname(file), (sizes.get(dirname(file)) ?? 0) + 1)
  const full = [...sizes].filter(([, size]) => size > MOST_FILES)
  assert.deepEqual(full, [], 'it has two subjects: move one into a subfolder')
})

test('the model touches no clock, file, stream or environment', () => {
  const outside = imports().filter(
    ({ file, target }) => file.startsWith('src/frame/') && !target.startsWith('src/frame/'),
  )
  assert.deepEqual(outside.map(say), [], 'pass the value in, or move the function out of src/frame')
  const impure = files.filter(
    (file) =>
      /^src\/(frame|render)\//.test(file) &&
      /\b(Date\.now|new Date\(\)|process\.|Math\.random|performance\.)/.test(text(file)),
  )
  assert.deepEqual(impure, [], 'take the time or the setting as a parameter')
})

test('every package is imported in one place', () => {
  const importers: Readonly<Record<string, RegExp>> = {
    'better-sqlite3': /^src\/store\/sqlite\//,
    commander: /^src\/cli\//,
    'cli-table3': /^src\/render\/table\.ts$/,
    asciichart: /^src\/render\/chart\.ts$/,
    fzstd: /^src\/record\/pcap\/bytes\.ts$/,
    'parquetjs-lite': /^src\/report\/parquet\/file\/[a-z-]+\.ts$/,
  }
  for (const [name, allowed] of Object.entries(importers)) {
    const users = imports().filter(({ target }) => target === name)
    assert.notEqual(users.length, 0, `nothing imports the dependency ${name}`)
    assert.deepEqual(
      users.filter(({ file }) => !allowed.test(file)).map(say),
      [],
      `import ${name} through ${String(allowed)}`,
    )
  }
  assert.equal(
    imports().filter(({ target }) => target === 'parquetjs-lite').length,
    1,
    'its settings belong in one file',
  )
})

test('every package that is imported is a dependency, and every dependency is imported', () => {
  const { dependencies, optionalDependencies } = JSON.parse(text('package.json')) as Record<
    'dependencies' | 'optionalDependencies',
    Record<string, string>
  >
  const used = new Set(
    imports()
      .map(({ target }) => target)
      .filter((target) => !target.startsWith('src/') && !target.startsWith('node:'))
      .map((target) =>
        target
          .split('/')
          .slice(0, target.startsWith('@') ? 2 : 1)
          .join('/'),
      ),
  )
  const declared = Object.keys({ ...dependencies, ...optionalDependencies })
  assert.deepEqual(
    [...used].filter((name) => !declared.includes(name)),
    [],
    'npm install it, or drop the import',
  )
  const assets = declared.filter(
    (name) => !used.has(name) && !files.some((file) => text(file).includes(`'${name}/`)),
  )
  assert.deepEqual(assets, [], 'npm uninstall it')
})

test('imports have no cycles', () => {
  const next = new Map<string, string[]>()
  for (const { file, target } of localImports()) next.set(file, [...(next.get(file) ?? []), target])
  const cycles: string[] = []
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' → '))
    else if (!done.has(file)) {
      for (const target of next.get(file) ?? []) visit(target, [...path, file])
      done.add(file)
    }
  }
  for (const file of files) visit(file, [])
  assert.deepEqual(cycles, [], 'move what both need into a file below them')
})

test('no file only re-exports others', () => {
  assert.deepEqual(
    files.filter((file) => file.endsWith('/index.ts')),
    [],
    'import the file that holds the thing',
  )
  const reexports = files.filter((file) => /^export (\*|\{[^}]*\}) from /m.test(text(file)))
  assert.deepEqual(reexports, [], 'import the file that holds the thing')
})

test('no code uses the type any, and only main calls process.exit', () => {
  const exits = files.filter((file) => file !== 'src/main.ts' && text(file).includes('process.exit('))
  assert.deepEqual(exits, [], 'throw a UserError with its exit code')
  const any = files.filter((file) => /(:|<|as) any\b/.test(text(file).replace(/\/\*[^]*?\*\/|\/\/.*/g, '')))
  assert.deepEqual(any, [], 'use unknown and check it')
})

function sourceFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => `${folder}/${name}`)
    .sort()
}

function kernelHeaders(): string[] {
  return readdirSync(join(root, KERNEL), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.h'))
    .map((name) => `${KERNEL}/${name}`)
    .sort()
}

/** What a kernel header includes of bpf/kernel: by a path from bpf/, or from the header's own room. */
function kernelIncludes(file: string): Import[] {
  return [...text(file).matchAll(/^#include "([^"]+)"/gm)]
    .map(([, path]) => ({
      file,
      target: path!.startsWith('kernel/') ? `bpf/${path!}` : normalize(join(dirname(file), path!)),
    }))
    .filter(({ target }) => kernelHeaders().includes(target))
}

function imports(): Import[] {
  return files.flatMap((file) =>
    [...text(file).matchAll(/(?:from |import\(|^import )'([^']+)'/gm)].map(([, specifier]) => ({
      file,
      target: specifier!.startsWith('.') ? normalize(join(dirname(file), specifier!)) : bare(specifier!),
    })),
  )
}

const bare = (specifier: string): string =>
  builtinModules.includes(specifier) ? `node:${specifier}` : specifier
const localImports = (): Import[] => imports().filter(({ target }) => target.startsWith('src/'))
const text = (file: string): string => readFileSync(join(root, file), 'utf8')
/** '' for files directly below src */
const folderOf = (file: string): string => /^src\/([^/]+)\//.exec(file)?.[1] ?? ''
/** '' for files directly below a folder */
const subfolderOf = (file: string): string => /^src\/[^/]+\/([^/]+)\//.exec(file)?.[1] ?? ''
const kernelRoomOf = (file: string): string => /^bpf\/kernel\/([^/]+)\//.exec(file)?.[1] ?? ''
const say = ({ file, target }: Import): string => `${file} imports ${target}`
