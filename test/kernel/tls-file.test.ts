/** bpf/helper/tls-file.c on the host, with sanitizers: programs as compilers make them, and damaged ones. bpf/tls-file.c prints what it finds. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { lacksCompiler } from './lab/compiler.ts'
import { ROOT, sh } from './lab/system.ts'

/** What a function begins with, its first bytes, and how many of them are passed over. */
type Beginning = readonly [instructions: string, bytes: string, skipped: number]
const PUSH: Beginning = ['push %rbp; pop %rbp; ret', '555dc3', 0]
const PUSH_R12: Beginning = ['push %r12; pop %r12; ret', '4154415cc3', 0]
const ENDBR: Beginning = ['endbr64; push %r15; pop %r15; ret', 'f30f1efa4157415fc3', 4]
const NOP: Beginning = ['nop; nop; ret', '9090c3', 0]
const SUB: Beginning = ['sub $8, %rsp; add $8, %rsp; ret', '4883ec08', 0]
const MOV: Beginning = ['mov %rdi, %rax; ret', '4889f8c3', 0]

const NO_FUNCTIONS = /^its file names no functions ngx_ssl_write and ngx_ssl_recv/
const NOT_CALLED = /^its compiler has made copies of ngx_ssl_write or ngx_ssl_recv/
const NOT_ELF = /^its file is no program of this machine/

const skip = process.arch === 'x64' ? lacksCompiler() : 'has instructions of x86-64'

describe("nginx's TLS functions in a file", { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-tls-file-'))
  const finder = join(folder, 'tls-file')
  before(async () => {
    await sh(
      ...['gcc', '-std=gnu11', '-D_GNU_SOURCE', '-g', '-O1', '-Wall', '-Wextra', '-Werror'],
      ...['-fsanitize=address,undefined', '-fno-sanitize-recover'],
      ...[join(ROOT, 'test/kernel/bpf/tls-file.c'), join(ROOT, 'bpf/helper/tls-file.c'), '-o', finder],
    )
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const said = (file: string): string => execFileSync(finder, [file], { encoding: 'utf8' }).trim()

  const CALLS = 'call ngx_ssl_write; call ngx_ssl_recv'

  function compile(name: string, write: Beginning, recv: Beginning, ...flags: readonly string[]): string {
    return link(name, { ngx_ssl_write: write, ngx_ssl_recv: recv }, CALLS, flags)
  }

  function link(
    name: string,
    functions: Readonly<Record<string, Beginning>>,
    calls: string,
    flags: readonly string[],
  ): string {
    const [source, file] = [join(folder, `${name}.c`), join(folder, name)]
    const functionOf = ([symbol, [instructions]]: readonly [string, Beginning]): string =>
      `asm(".text\\n.globl ${symbol}\\n.type ${symbol}, @function\\n${symbol}: ${instructions}\\n.space 16\\n");\n`
    writeFileSync(
      source,
      `${Object.entries(functions).map(functionOf).join('')}asm(".text\\ncaller: ${calls}; ret\\n");\nint main(void) { return 0; }\n`,
    )
    execFileSync('gcc', [...flags, source, '-o', file])
    return file
  }

  /** The bytes at what it has found are those of the functions: offsets are offsets of the file. */
  function assertFound(file: string, write: Beginning, recv: Beginning, probe: string): void {
    const [writeAt = '', recvAt = '', kind] = said(file).split(' ')
    const bytes = readFileSync(file)
    const at = (offset: string, [, expected, skipped]: Beginning): string =>
      bytes.subarray(Number(offset) - skipped).toString('hex', 0, expected.length / 2)
    assert.deepEqual([at(writeAt, write), at(recvAt, recv), kind], [write[1], recv[1], probe])
  }

  const BUILDS: Readonly<Record<string, readonly string[]>> = {
    'that is linked as nginx is': ['-pie', '-fPIE', '-Wl,-E'],
    'of which all that can be is stripped': ['-pie', '-fPIE', '-Wl,-E', '-s'],
    'at a fixed address': ['-no-pie', '-Wl,-E'],
    'that exports nothing': ['-no-pie'],
    'that is static': ['-static'],
  }
  for (const [what, flags] of Object.entries(BUILDS))
    test(`a program ${what}`, () => {
      assertFound(
        compile(`build-${flags.join('')}`.replaceAll(/\W/g, '_'), PUSH, PUSH_R12, ...flags),
        ...[PUSH, PUSH_R12, 'emulated'],
      )
    })

  const BEGINNINGS: readonly (readonly [Beginning, Beginning, string])[] = [
    [PUSH_R12, PUSH, 'emulated'],
    [ENDBR, ENDBR, 'emulated'],
    [NOP, PUSH, 'emulated'],
    [SUB, PUSH, 'stepped'],
    [PUSH, SUB, 'stepped'],
    [MOV, MOV, 'stepped'],
  ]
  for (const [number, [write, recv, probe]] of BEGINNINGS.entries())
    test(`functions that begin with ${write[0]} and ${recv[0]} are ${probe}`, () =>
      assertFound(compile(`beginning-${number}`, write, recv, '-Wl,-E'), write, recv, probe))

  test("this host's nginx has them", { skip: !existsSync('/usr/sbin/nginx') }, () =>
    assert.match(said('/usr/sbin/nginx'), /^\d+ \d+ (emulated|stepped)$/),
  )

  test('of a function that the compiler has split the part is taken that does the work', () => {
    const functions = { ngx_ssl_write: MOV, 'ngx_ssl_write.part.0': PUSH_R12, ngx_ssl_recv: PUSH }
    const calls = 'call ngx_ssl_write.part.0; call ngx_ssl_recv'
    for (const [number, flags] of [['-pie', '-fPIE', '-Wl,-E'], ['-static']].entries())
      assertFound(link(`split-${number}`, functions, calls, flags), PUSH_R12, PUSH, 'emulated')
  })

  test('functions that nobody calls are not taken: others run in their place', () => {
    const functions = { ngx_ssl_write: PUSH, ngx_ssl_recv: PUSH }
    for (const calls of ['call ngx_ssl_write', 'call ngx_ssl_recv', 'nop'])
      assert.match(said(link('uncalled', functions, calls, ['-Wl,-E'])), NOT_CALLED, calls)
  })

  test('a program without them, or without names, says so', () => {
    assert.match(said(compile('stripped', PUSH, PUSH, '-no-pie', '-s')), NO_FUNCTIONS)
    assert.match(said(process.execPath), NO_FUNCTIONS)
  })

  test('what is no program of this machine is none', () => {
    const whole = readFileSync(compile('whole', PUSH, PUSH, '-Wl,-E'))
    const changed = (at: number, value: number): Buffer => {
      const copy = Buffer.from(whole)
      copy[at] = value
      return copy
    }
    const files = [Buffer.alloc(0), whole.subarray(0, 63), Buffer.from('#!/bin/sh\n'.repeat(20))]
    // 32 bits; big-endian; arm64; a relocatable object
    const others = [changed(4, 1), changed(5, 2), changed(18, 183), changed(16, 1)]
    for (const [number, bytes] of [...files, ...others].entries()) {
      const file = join(folder, `other-${number}`)
      writeFileSync(file, bytes)
      assert.match(said(file), NOT_ELF, String(number))
    }
  })

  test('damaged files read nothing behind their end', () => {
    for (const [seed, flags] of [['-Wl,-E'], ['-no-pie']].entries()) {
      const file = compile(`spoilt-${seed}`, PUSH, ENDBR, ...flags)
      const spoil = ['spoil', String(seed + 1), '20000', file]
      const found = Number(execFileSync(finder, spoil, { encoding: 'utf8' }))
      assert.ok(found > 2000 && found < 19_000, `${found}: some are damaged, and some still have them`)
    }
  })
})
