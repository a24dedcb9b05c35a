/** bpf/helper/statements.c and upstreams.c on the host, with sanitizers, on texts: no root, no nginx. bpf/upstreams.c prints what they find. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Chance } from '../fuzz/chance.ts'
import { lacking, ROOT, sh } from './lab/system.ts'

/** What a configuration is about: its text, and its upstreams as bpf/upstreams.c prints them. */
type Case = readonly [what: string, text: string | readonly string[], upstreams: readonly string[]]

const http = (text: string): string => `events {} http { server { location / { ${text} } } }`

const CASES: readonly Case[] = [
  [
    'every directive, with the kind of its traffic',
    http(`proxy_pass http://10.0.0.1:80/a; proxy_pass https://10.0.0.2; grpc_pass 10.0.0.3:50051; grpc_pass grpc://[::1]:1;
      grpc_pass grpcs://10.0.0.4; fastcgi_pass 10.0.0.5:9000; uwsgi_pass 10.0.0.6:3031; uwsgi_pass suwsgi://10.0.0.6;
      scgi_pass 10.0.0.7:4000; memcached_pass 10.0.0.8:11211; redis_pass 10.0.0.9:6379; proxy_pass_header Server;
      proxy_cache_bypass $x; fastcgi_pass_request_body off; HTTP_pass;`),
    [
      'proxy_pass http://10.0.0.1:80: http tcp',
      'proxy_pass https://10.0.0.2: tls tcp',
      'grpc_pass 10.0.0.3:50051: h2 tcp',
      'grpc_pass grpc://[::1]:1: h2 tcp',
      'grpc_pass grpcs://10.0.0.4: tls tcp',
      'fastcgi_pass 10.0.0.5:9000: fastcgi tcp',
      'uwsgi_pass 10.0.0.6:3031: uwsgi tcp',
      'uwsgi_pass suwsgi://10.0.0.6: tls tcp',
      'scgi_pass 10.0.0.7:4000: scgi tcp',
      'memcached_pass 10.0.0.8:11211: memcached tcp',
      'redis_pass 10.0.0.9:6379: other tcp',
    ],
  ],
  [
    'unix sockets, with and without a URI or a variable',
    http(`proxy_pass http://unix:/run/a.sock:/uri; proxy_pass https://unix:/run/b.sock; fastcgi_pass unix:/run/php.sock;
      proxy_pass http://unix:/run/$name.sock; grpc_pass grpc://unix:/run/g.sock; fastcgi_pass "UNIX:/run/c.sock";`),
    [
      'proxy_pass http://unix:/run/a.sock: http unix',
      'proxy_pass https://unix:/run/b.sock: tls unix',
      'fastcgi_pass unix:/run/php.sock: fastcgi unix',
      'proxy_pass http://unix:/run/$name.sock: http unix',
      'grpc_pass grpc://unix:/run/g.sock: h2 unix',
      'fastcgi_pass UNIX:/run/c.sock: fastcgi unix',
    ],
  ],
  [
    'variables: in the host they are known at run time only, in the URI they change nothing',
    http(`proxy_pass http://$host; proxy_pass http://app/$request_uri; proxy_pass $target; proxy_pass \${target}/x; fastcgi_pass $php;
      proxy_pass https://$name.example:443; proxy_pass $scheme://10.0.0.1; grpc_pass $grpc;`),
    [
      'proxy_pass http://$host: http runtime',
      'proxy_pass http://app: http tcp',
      'proxy_pass $target: unknown runtime',
      'proxy_pass ${target}: unknown runtime',
      'fastcgi_pass $php: fastcgi runtime',
      'proxy_pass https://$name.example:443: tls runtime',
      'proxy_pass $scheme://10.0.0.1: unknown tcp',
      'grpc_pass $grpc: unknown runtime',
    ],
  ],
  [
    'upstream blocks, wherever they stand: mixed servers are one line per place, with the first servers named',
    `http { server { proxy_pass http://mixed/a; proxy_pass https://MIXED; fastcgi_pass none; proxy_pass http://lua; proxy_pass http://mixed:80; }
      upstream mixed { zone z 64k; server unix:/run/a.sock backup; server 10.0.0.1 weight=2; server a.example resolve;
        server 10.0.0.2; server 10.0.0.3; keepalive 8; }
      upstream none { zone z 64k; }
      upstream lua { server 0.0.0.1; balancer_by_lua_block { set(x) } } }`,
    [
      'proxy_pass http://mixed: http tcp of 10.0.0.1, a.example, 10.0.0.2 and 1',
      'proxy_pass http://mixed: http unix of unix:/run/a.sock',
      'proxy_pass https://MIXED: tls tcp of 10.0.0.1, a.example, 10.0.0.2 and 1',
      'proxy_pass https://MIXED: tls unix of unix:/run/a.sock',
      'fastcgi_pass none: fastcgi runtime',
      'proxy_pass http://lua: http runtime',
      'proxy_pass http://mixed:80: http tcp',
    ],
  ],
  [
    'streams, whose settings may come later or from around, and whose upstream blocks are their own',
    `http { upstream app { server 10.0.0.1; } server { proxy_pass http://app; } }
      stream { upstream app { server unix:/run/db.sock; } proxy_ssl on;
        server { listen 1; proxy_pass app; proxy_ssl off; } server { proxy_pass 10.0.0.2:1; listen 2; }
        server { listen 3; proxy_pass 10.0.0.3:1; proxy_protocol on; proxy_ssl off; }
        server { listen 53 udp; proxy_pass 10.0.0.4:53; proxy_ssl off; }
        server { listen 54 udp; listen 54; proxy_pass 10.0.0.5:53; proxy_ssl off; } }`,
    [
      'proxy_pass http://app: http tcp of 10.0.0.1',
      'proxy_pass app: stream unix of unix:/run/db.sock',
      'proxy_pass 10.0.0.2:1: tls tcp',
      'proxy_pass 10.0.0.3:1: proxy_protocol tcp',
      'proxy_pass 10.0.0.4:53: stream udp',
      'proxy_pass 10.0.0.5:53: stream tcp',
    ],
  ],
  [
    'HTTP/2 by proxy_pass, set around it',
    'http { server { proxy_http_version 2; location /a { proxy_pass http://a; } location /b { proxy_http_version 1.1; proxy_pass http://b; } } }',
    ['proxy_pass http://a: h2 tcp', 'proxy_pass http://b: http tcp'],
  ],
  [
    'comments, quotes and escapes',
    http(`# proxy_pass http://commented;
      proxy_pass "http://quoted/a b;{}#"; proxy_pass 'http://single'; proxy_pass http://a#b;#proxy_pass http://c;
      add_header X "proxy_pass http://in-a-string;"; return 200 'it\\'s } { ; proxy_pass http://escaped;';
      if ($x ~ "a{2}}") { proxy_pass\thttp://in-if\n; } set $y \${x}z; proxy_pass http://after;`),
    [
      'proxy_pass http://quoted: http tcp',
      'proxy_pass http://single: http tcp',
      'proxy_pass http://a#b: http tcp',
      'proxy_pass http://in-if: http tcp',
      'proxy_pass http://after: http tcp',
    ],
  ],
  [
    'maps and other data, which hold no directives',
    `http { map $host $target { default http://a; proxy_pass http://no; include more.map; hostnames; } geo $x { default 1; server unix:/no; }
      types { text/html html; proxy_pass x; } split_clients $a $b { 50% x; fastcgi_pass y; } server { proxy_pass http://yes; } }`,
    ['proxy_pass http://yes: http tcp'],
  ],
  [
    'blocks of Lua, whatever braces and quotes they have',
    http(`content_by_lua_block { local s = "}" .. '\\'}' .. [[ ]} ]=] } ]] .. [=[ ]] } ]=] -- }
      --[[ } ]] if x then t = { a = { 1 } } end proxy_pass = "http://no"; ngx.say('proxy_pass http://no;') }
      rewrite_by_lua 'proxy_pass("http://no"); -- {'; proxy_pass http://yes;`),
    ['proxy_pass http://yes: http tcp'],
  ],
  [
    'included files: what they say belongs to the block around, and they close none of it',
    [
      'http { include upstreams; server { include location; proxy_pass http://last; } }',
      'upstream a { include servers; } upstream open { server 10.0.0.9;',
      'server 10.0.0.1; server unix:/a;',
      '} } location / { proxy_pass http://a; } }',
    ],
    [
      'proxy_pass http://a: http tcp of 10.0.0.1',
      'proxy_pass http://a: http unix of unix:/a',
      'proxy_pass http://last: http tcp',
    ],
  ],
  [
    'the same target many times is one, and what finds no room is counted',
    http(
      Array.from(
        { length: 300 },
        (_, n) => `proxy_pass http://10.0.0.1/${n}; fastcgi_pass 10.0.0.2:${n};`,
      ).join(''),
    ),
    [
      'proxy_pass http://10.0.0.1: http tcp',
      ...Array.from({ length: 255 }, (_, n) => `fastcgi_pass 10.0.0.2:${n}: fastcgi tcp`),
      '45 left out',
    ],
  ],
]

/** The characters that have a meaning. */
const DAMAGE = '{};\'"\\$#[]=- \n\x01'

describe('the upstreams of a configuration', { skip: lacking('cc') }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-upstreams-'))
  const program = join(folder, 'upstreams')
  before(async () => {
    const sources = ['test/kernel/bpf/upstreams.c', 'bpf/helper/statements.c', 'bpf/helper/upstreams.c']
    const flags = ['-g', '-O1', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-fno-sanitize-recover']
    await sh(
      'cc',
      ...flags,
      '-fsanitize=address,undefined',
      ...sources.map((name) => join(ROOT, name)),
      '-o',
      program,
    )
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  /** One list of lines per configuration. */
  function upstreamsOf(texts: readonly (string | readonly string[])[]): readonly (readonly string[])[] {
    const input = texts.map((text) => (typeof text === 'string' ? text : text.join('\x01'))).join('\0')
    const { status, stdout, stderr } = spawnSync(program, { input, encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    return stdout
      .split('\0')
      .slice(0, -1)
      .map((lines) => lines.split('\n').filter((line) => line !== ''))
  }

  for (const [what, text, upstreams] of CASES)
    test(what, () => assert.deepEqual(upstreamsOf([text])[0], upstreams))

  test('damaged texts read nothing behind their end and leave nothing allocated', () => {
    const whole = CASES.map(([, text]) => text).slice(0, -1)
    const damaged = Array.from({ length: 3000 }, (_, number) => {
      const chance = new Chance(7, number)
      const text = Buffer.from([chance.pick(whole)].flat().join('\x01'))
      const cut = text.subarray(0, chance.between(0, text.length))
      for (let n = chance.below(4); n > 0 && cut.length > 0; n--)
        cut[chance.below(cut.length)] = DAMAGE.charCodeAt(chance.below(DAMAGE.length))
      return cut.toString('latin1')
    })
    assert.equal(upstreamsOf(damaged).length, damaged.length)
  })
})
