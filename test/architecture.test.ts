/** The import rules of the house. Each failure says what to do instead. */
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

/** The rooms of a folder in their order: a room may import from those before it. ARCHITECTURE.md says what is in each. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  frame: ['model', 'sum', 'time', 'expression', 'views'],
  store: ['sqlite', 'format', 'names', 'file', 'write', 'read', 'tools'],
  report: ['data', 'document', 'findings', 'page', 'formats', 'parquet', 'gates'],
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
  'connection',
]
/** More than one can look over: a room that gets as full as this has two subjects. */
const MOST_FILES = 20

test('every folder imports only from the folders below it', () => {
  const allowed: Readonly<Record<string, readonly string[]>> = {
    frame: [],
    store: ['frame'],
    render: ['frame'],
    record: ['frame'],
    replay: ['frame', 'render'],
    report: ['frame', 'render'],
    simulate: ['frame'],
    cli: ['frame', 'store', 'render', 'record', 'replay', 'report', 'simulate'],
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

test('a room imports only from the rooms before it', () => {
  const wrong = localImports().filter(({ file, target }) => {
    const rooms = ROOMS[folderOf(file)]
    if (rooms === undefined || folderOf(file) !== folderOf(target)) return false
    return rooms.indexOf(roomOf(file)) < rooms.indexOf(roomOf(target))
  })
  assert.deepEqual(
    wrong.map(say),
    [],
    'move the function that is needed into the lower room, or into a file of its own there',
  )
})

test('in a folder with rooms every file lies in one, and every room is in the order', () => {
  const lost = files.filter((file) => {
    const rooms = ROOMS[folderOf(file)]
    return rooms !== undefined && !rooms.includes(roomOf(file))
  })
  assert.deepEqual(lost, [], 'move it into a room, or name its room here and in ARCHITECTURE.md')
  const empty = Object.entries(ROOMS).flatMap(([folder, rooms]) =>
    rooms
      .map((room) => `src/${folder}/${room}/`)
      .filter((room) => !files.some((file) => file.startsWith(room))),
  )
  assert.deepEqual(empty, [], 'take the room out of the order')
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

test('no folder is too full to look over', () => {
  const sizes = new Map<string, number>()
  for (const file of files) sizes.set(dirname(file), (sizes.get(dirname(file)) ?? 0) + 1)
  const full = [...sizes].filter(([, size]) => size > MOST_FILES)
  assert.deepEqual(full, [], 'it holds two subjects: make a room of one of them')
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

test('every package has one door', () => {
  const doors: Readonly<Record<string, RegExp>> = {
    'better-sqlite3': /^src\/store\/sqlite\//,
    commander: /^src\/cli\//,
    'cli-table3': /^src\/render\/table\.ts$/,
    asciichart: /^src\/render\/chart\.ts$/,
    'parquetjs-lite': /^src\/report\/([a-z-]+\/)?[a-z-]*parquet[a-z-]*\.ts$/,
  }
  for (const [name, door] of Object.entries(doors)) {
    const users = imports().filter(({ target }) => target === name)
    assert.notEqual(users.length, 0, `${name} is a dependency that nothing imports`)
    assert.deepEqual(
      users.filter(({ file }) => !door.test(file)).map(say),
      [],
      `import ${name} through ${String(door)}`,
    )
  }
  assert.equal(
    imports().filter(({ target }) => target === 'parquetjs-lite').length,
    1,
    'its settings live in one file',
  )
})

test('every package that is imported is a dependency, and every dependency is imported', () => {
  const manifest = JSON.parse(text('package.json')) as { dependencies: Record<string, string> }
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
  const declared = Object.keys(manifest.dependencies)
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

test('no module imports itself over others', () => {
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

test('there are no barrels', () => {
  assert.deepEqual(
    files.filter((file) => file.endsWith('/index.ts')),
    [],
    'import the file that holds the thing',
  )
  const reexports = files.filter((file) => /^export (\*|\{[^}]*\}) from /m.test(text(file)))
  assert.deepEqual(reexports, [], 'import the file that holds the thing')
})

test('nothing uses any, and nothing leaves the process but main', () => {
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
const roomOf = (file: string): string => /^src\/[^/]+\/([^/]+)\//.exec(file)?.[1] ?? ''
const kernelRoomOf = (file: string): string => /^bpf\/kernel\/([^/]+)\//.exec(file)?.[1] ?? ''
const say = ({ file, target }: Import): string => `${file} imports ${target}`
