// The package as npm publishes it: packed, installed in an empty folder, compiled against, and run.
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { codegen } from '@graphql-codegen/core';
import * as typescript from '@graphql-codegen/typescript';
import { build } from 'esbuild';
import { buildSchema, parse, printSchema } from 'graphql';
import { config } from 'sms-login/codegen';
import { root } from './support/paths.js';
import { startServer, type Server } from './support/server.js';
import { freshPhone } from './support/sign-in.js';

const run = promisify(execFile);
/** The installed package must not find this one's libraries, except those that an app would install. */
const PEERS = ['@apollo', '@graphql-typed-document-node', '@types', '@urql', '@wry', 'csstype', 'graphql', 'graphql-tag', 'optimism', 'react', 'react-dom', 'rxjs', 'scheduler', 'tslib', 'undici-types', 'wonka', '@0no-co'];

let folder: string;
let server: Server;
let files: string[];

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sms-login-packed-'));
  const packed = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: root, encoding: 'utf8' });
  const [{ filename, files: list }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
  files = list.map(({ path }) => path);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }');
  execFileSync('npm', ['install', '--offline', '--no-audit', '--no-fund', '--legacy-peer-deps', join(folder, filename)], { cwd: folder });
  assert.deepEqual(execFileSync('ls', [join(folder, 'node_modules')], { encoding: 'utf8' }).trim().split('\n'), ['sms-login']);
  for (const name of PEERS) {
    const target = join(root, 'node_modules', name);
    if (existsSync(target)) symlinkSync(target, join(folder, 'node_modules', name));
  }
  cpSync(join(root, 'tests/programs'), folder, { recursive: true });
  // The quickstart of the README.
  const [, quickstart] = /^```tsx\n([^]*?)^```/m.exec(readFileSync(join(root, 'README.md'), 'utf8'))!;
  writeFileSync(join(folder, 'quickstart.tsx'), quickstart!);
  server = await startServer();
});

after(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a compiled program. Each time it prints "sent", it gets the code. */
async function start(program: string, ...args: string[]): Promise<string> {
  const mark = server.mark();
  const child = spawn(process.execPath, [join(folder, 'build', program), ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (!output.includes('sent') && text.includes('sent')) void server.code(mark).then((code) => child.stdin.write(`${code}\n`));
    output += text;
  });
  const [status] = await once(child, 'exit');
  assert.equal(status, 0, output);
  return output;
}

describe('the package', () => {
  test('has what an app needs, and nothing else', () => {
    for (const path of ['README.md', 'LICENSE', 'dist/index.js', 'dist/index.d.ts', 'dist/style.css', 'dist/schema.graphql', 'dist/react/index.js']) {
      assert.ok(files.includes(path), `${path} is missing`);
    }
    assert.deepEqual(files.filter((path) => !/^(dist|src)\/|^(README\.md|LICENSE|package\.json)$/.test(path)), []);
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    assert.equal(manifest.dependencies, undefined);
    assert.equal(manifest.private, undefined);
    for (const target of Object.values(manifest.exports).flatMap((entry) => Object.values(typeof entry === 'string' ? [entry] : entry as object))) {
      assert.ok(existsSync(join(folder, 'node_modules/sms-login', target as string)), `${target} is missing`);
    }
  });

  test('its version is the server’s', () => {
    const version = /^version = "(.*)"$/m.exec(readFileSync(join(root, '../../Cargo.toml'), 'utf8'))![1];
    assert.equal(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version, version);
  });

  test('compiles in strict programs, with both ways to resolve modules', async () => {
    const tsc = join(root, 'node_modules/.bin/tsc');
    const strict = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, target: 'ES2022', lib: ['ES2023', 'DOM', 'DOM.Iterable'], jsx: 'react-jsx', types: ['node'] };
    const compile = (name: string, compilerOptions: object, include: string[]) => {
      writeFileSync(join(folder, name), JSON.stringify({ compilerOptions, include }));
      return run(tsc, ['--project', name], { cwd: folder }).catch((error) => assert.fail(error.stdout));
    };
    const all = ['*.ts', '*.tsx'];
    await compile('tsconfig.json', { ...strict, module: 'NodeNext', outDir: 'build', rootDir: '.', skipLibCheck: true }, all);
    await compile('tsconfig.bundler.json', { ...strict, module: 'ESNext', moduleResolution: 'bundler', noEmit: true, skipLibCheck: true }, all);
    // The package's own types are checked, too.
    await compile('tsconfig.types.json', { ...strict, module: 'NodeNext', noEmit: true, skipLibCheck: false }, ['core.ts']);
  });

  test('a program with Apollo Client runs', async () => {
    const phone = freshPhone();
    assert.match(await start('apollo.js', server.url, phone), new RegExp(`apollo: \\${phone}\nsigned out: null`));
  });

  test('a program with urql runs', async () => {
    const phone = freshPhone();
    assert.match(await start('urql.js', server.url, phone), new RegExp(`urql: \\${phone}\nsigned out: null`));
  });

  test('a program for React Native and WeChat runs', async () => {
    const output = await start('platforms.js', server.url);
    assert.equal(output, 'secure store: starting, true, true\nasync storage: starting, true, true\nwechat: signedOut, true, true\n');
  });

  test('a React program is rendered on a server', async () => {
    // Node.js cannot import style sheets, as a bundler does.
    await build({ entryPoints: [join(folder, 'react.tsx')], bundle: true, platform: 'node', format: 'cjs', jsx: 'automatic', outfile: join(folder, 'build/react.cjs') });
    assert.equal(await start('react.cjs'), '<p>starting</p>\n');
  });
});

describe('the size', () => {
  /** Budgets in bytes, minified and compressed, without React. They fail if the package grows. */
  const BUDGETS: Record<string, number> = {
    "export * from 'sms-login'": 5800,
    "export * from 'sms-login/react'": 8500,
    "export { createSmsLogin } from 'sms-login'; export { SmsLoginProvider, SignIn } from 'sms-login/react'": 13_300,
    "export * from 'sms-login/apollo'": 500,
    "export * from 'sms-login/urql'": 250,
    "export * from 'sms-login/wechat'": 650,
    "export * from 'sms-login/react-native'": 250,
    "import 'sms-login'; import 'sms-login/react'": 20,
  };

  for (const [code, budget] of Object.entries(BUDGETS)) {
    test(`${code} is at most ${budget} bytes`, async (t) => {
      const { outputFiles } = await build({
        stdin: { contents: code, resolveDir: folder },
        bundle: true,
        minify: true,
        format: 'esm',
        target: 'es2022',
        write: false,
        external: ['react', 'react/jsx-runtime', '@apollo/client', '@urql/core'],
      });
      const size = gzipSync(outputFiles[0]!.contents, { level: 9 }).length;
      t.diagnostic(`${size} bytes`);
      assert.ok(size <= budget, `${size} bytes`);
    });
  }

  test('the style sheet is at most 1900 bytes', async (t) => {
    const { outputFiles } = await build({ entryPoints: [join(root, 'dist/style.css')], minify: true, write: false });
    const size = gzipSync(outputFiles[0]!.contents, { level: 9 }).length;
    t.diagnostic(`${size} bytes`);
    assert.ok(size <= 1900, `${size} bytes`);
  });
});

describe('the schema', () => {
  test('the generated files fit the schema', async () => {
    await run(process.execPath, ['scripts/generate.mjs', '--check'], { cwd: root });
  });

  test('the settings for GraphQL Code Generator map all scalars', async () => {
    const schema = parse(printSchema(buildSchema(readFileSync(join(root, 'dist/schema.graphql'), 'utf8'))));
    const generate = (settings: object) =>
      codegen({ filename: 'types.ts', schema, documents: [], config: settings, plugins: [{ typescript: {} }], pluginMap: { typescript } });
    assert.match(await generate(config), /PhoneNumber: \{ input: string; output: string; \}/);
    await assert.rejects(generate({ ...config, scalars: { DateTime: 'string' } }), /PhoneNumber/);
  });
});
