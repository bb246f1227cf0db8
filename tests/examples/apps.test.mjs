// The examples for apps, and the quickstarts of the documents, in a browser or on a stand-in for their platform.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import {
  copyExample,
  freshPhone,
  installPackage,
  project,
  run,
  signInByForm,
  signInByOwnForm,
  startServer,
  startVite,
  TEST_MS,
  withPage,
  work,
  wrong,
} from './support.mjs';
import { openMiniProgram } from './mini-program.mjs';

const { build } = createRequire(join(work, 'package.json'))('esbuild');

let server;
before(async () => {
  installPackage();
  server = await startServer({ SEND_IP_HOURLY_LIMIT: '0' });
});
after(() => server?.stop());

/** Returns the first block of a language in a document, with the address of this server. */
function snippet(document, language, after = '') {
  const text = readFileSync(join(project, document), 'utf8');
  const rest = text.slice(text.indexOf(after));
  const [, block] = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'm').exec(rest);
  return block.replaceAll('http://localhost:8000', server.origin);
}

test('the React quickstart of the README, from an empty folder', { timeout: 3 * TEST_MS }, async () => {
  const folder = copyExample('quickstart', null);
  symlinkSync(project, join(folder, 'sms-login'));
  const words = snippet('README.md', 'sh', '## A React client in five minutes')
    // The versions are fixed, so that a new release of Vite does not break this test.
    .replace('vite@latest', 'vite@9.3.0')
    .replace('cd shop\n', `cd shop\ncp '${join(project, 'tests/examples/quickstart-lock.json')}' package-lock.json\n`);
  assert.match(words, /^make -C sms-login npm-package\nnpm create vite@9.3.0 shop .*\ncd shop\ncp .*\nnpm install \.\.\/sms-login\/target\/npm\/sms-login.tgz\n$/);
  run('bash', ['-euc', words], { cwd: folder });

  const shop = join(folder, 'shop');
  const program = snippet('README.md', 'tsx', '## A React client in five minutes');
  assert.ok(program.includes(server.origin));
  writeFileSync(join(shop, 'src/main.tsx'), program);
  run('npm', ['run', '--silent', 'build'], { cwd: shop });
  const vite = await startVite(shop, { command: ['npm', 'run', 'dev', '--'] });
  try {
    await withPage(vite.origin, async (page) => {
      const phone = await signInByForm(page, server);
      await page.getByRole('button', { name: `Sign out ${phone}` }).waitFor();
      await page.reload();
      await page.getByRole('button', { name: `Sign out ${phone}` }).click();
      await page.getByLabel('Phone number').waitFor();
    });
  } finally {
    await vite.stop();
  }
});

test('React with Vite', { timeout: TEST_MS }, async () => {
  const folder = copyExample('react');
  const lines = readFileSync(join(folder, 'src/main.tsx'), 'utf8').split('\n').length;
  assert.ok(lines < 100, `${lines} lines`);
  run('npm', ['run', '--silent', 'build'], { cwd: folder });
  const vite = await startVite(folder, { env: { VITE_SMS_LOGIN_URL: `${server.origin}/graphql` } });
  try {
    await withPage(vite.origin, async (page) => {
      const phone = await signInByForm(page, server);
      await page.getByText(`You are ${phone}.`).waitFor();
      await page.getByRole('listitem').filter({ hasText: '(this one)' }).waitFor();
      await page.getByLabel('Name').fill('Anna');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('heading', { name: 'Anna' }).waitFor();
      await page.getByRole('button', { name: 'Refresh' }).click();
      await page.getByText('Refreshes: 1').waitFor();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByLabel('Phone number').waitFor();
    });
  } finally {
    await vite.stop();
  }
});

test('the Vue quickstart', { timeout: TEST_MS }, async () => {
  const folder = copyExample('vue', null);
  mkdirSync(join(folder, 'src'));
  writeFileSync(join(folder, 'index.html'), '<div id="app"></div><script type="module" src="/src/main.ts"></script>');
  writeFileSync(join(folder, 'vite.config.js'), "import vue from '@vitejs/plugin-vue';\nexport default { plugins: [vue()] };\n");
  writeFileSync(join(folder, 'src/main.ts'), "import { createApp } from 'vue';\nimport App from './App.vue';\ncreateApp(App).mount('#app');\n");
  writeFileSync(join(folder, 'src/App.vue'), snippet('docs/clients.md', 'vue'));
  const vite = await startVite(folder);
  try {
    await withPage(vite.origin, async (page) => {
      const phone = await signInByOwnForm(page, server, (name) => page.getByLabel(name), 'CODE_INCORRECT');
      await page.getByText(`You are ${phone}.`).waitFor();
      await page.reload();
      await page.getByText(`You are ${phone}.`).waitFor();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByLabel('Phone number').waitFor();
    });
  } finally {
    await vite.stop();
  }
});

test('a WeChat mini program', { timeout: TEST_MS }, async () => {
  const folder = copyExample('wechat');
  run('npm', ['run', '--silent', 'build'], { cwd: folder });
  const app = join(folder, 'miniprogram/app.js');
  writeFileSync(app, readFileSync(app, 'utf8').replace('http://127.0.0.1:8000', server.origin));
  const storage = new Map();
  const open = () => openMiniProgram(join(folder, 'miniprogram'), 'pages/index/index', storage);

  const phone = freshPhone();
  let program = open();
  assert.equal(program.data.status, 'signedOut');
  program.type('phone', '123');
  await program.tap('sendCode');
  assert.equal(program.data.problem, '请输入正确的手机号。');
  program.type('phone', phone.slice(3));
  let mark = server.mark();
  await program.tap('sendCode');
  const code = await server.code(mark);
  assert.equal(program.data.problem, '');
  assert.ok(program.data.codeLength === 6, 'the form for the code');
  program.close();

  // The user has looked at the SMS, and WeChat has ended the mini program meanwhile.
  program = open();
  assert.equal(program.data.codeLength, 6);
  program.type('code', wrong(code));
  await program.tap('signIn');
  assert.equal(program.data.problem, '验证码错误，还可以尝试 2 次。');
  program.type('code', code);
  await program.tap('signIn');
  assert.equal(program.data.problem, '');
  assert.equal(program.data.status, 'signedIn');
  assert.equal(program.data.user.phone, phone);
  await program.tap('refresh');
  assert.equal(program.data.problem, '');
  assert.equal(program.data.refreshes, 1);
  program.close();

  program = open();
  assert.equal(program.data.status, 'signedIn');
  await program.tap('signOut');
  assert.equal(program.data.status, 'signedOut');

  // Without a network, the user gets a sentence.
  program.isOffline = true;
  program.type('phone', phone.slice(3));
  await program.tap('sendCode');
  assert.equal(program.data.problem, '网络异常，请稍后再试。');
  program.close();
});

/** Bundles a program of the React Native example, with stand-ins for the native modules. */
async function bundle(entry, outfile, options) {
  const folder = join(work, 'apps/react-native');
  await build({
    absWorkingDir: folder,
    stdin: { contents: entry, resolveDir: folder, loader: 'tsx' },
    bundle: true,
    format: 'esm',
    jsx: 'automatic',
    outfile: join(folder, outfile),
    define: { 'process.env.EXPO_PUBLIC_SMS_LOGIN_URL': JSON.stringify(`${server.origin}/graphql`), 'process.env.NODE_ENV': '"production"' },
    ...options,
    alias: { 'expo-crypto': './expo-crypto.js', 'expo-secure-store': './expo-secure-store.js', ...options.alias },
  });
  return join(folder, outfile);
}

/** Writes stand-ins for Expo's modules. They keep the values in `globalThis.keychain`. */
function copyReactNative() {
  const folder = copyExample('react-native');
  writeFileSync(
    join(folder, 'expo-crypto.js'),
    'export const getRandomBytes = (count) => globalThis.crypto.getRandomValues(new Uint8Array(count));\n',
  );
  writeFileSync(
    join(folder, 'expo-secure-store.js'),
    `const check = (key) => { if (!/^[\\w.-]+$/.test(key)) throw new Error('a key that SecureStore rejects: ' + key); };
export async function getItemAsync(key) { check(key); return globalThis.keychain.getItem(key); }
export async function setItemAsync(key, value) {
  check(key);
  if (value.length > 2048) throw new Error('a value that is too long for SecureStore');
  globalThis.keychain.setItem(key, value);
}
`,
  );
  writeFileSync(join(folder, 'react-native.js'), "export const Platform = { OS: 'ios' };\n");
  return folder;
}

test('React Native: the core on secure storage', { timeout: TEST_MS }, async () => {
  copyReactNative();
  const file = await bundle("export { smsLogin } from './sms-login';", 'core.mjs', {
    platform: 'neutral',
    alias: { 'react-native': './react-native.js' },
  });
  const values = new Map();
  globalThis.keychain = { getItem: (key) => values.get(key) ?? null, setItem: (key, value) => values.set(key, value) };
  /** Starts the app. Another start has only what the secure storage keeps. */
  const start = async (name) => (await import(`${pathToFileURL(file)}?${name}`)).smsLogin;
  const settled = async (client, status) => {
    for (const end = Date.now() + 10_000; client.state.status !== status; ) {
      assert.ok(Date.now() < end, `still ${client.state.status}, not ${status}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };

  const phone = freshPhone();
  const first = await start('first');
  const mark = server.mark();
  assert.ok((await first.requestCode({ phone })).ok);
  const code = await server.code(mark);
  const refused = await first.login({ code: wrong(code) });
  assert.deepEqual([refused.problem?.code, refused.problem?.attemptsRemaining], ['CODE_INCORRECT', 2]);
  first.close();

  const second = await start('second');
  assert.ok((await second.login({ code })).ok);
  const me = await second.me();
  assert.equal(me.ok && me.user?.phone, phone);
  const before = await second.accessToken();
  assert.ok((await second.refresh()).ok);
  assert.ok(before && (await second.accessToken()));
  second.close();

  const third = await start('third');
  await settled(third, 'signedIn');
  assert.equal(third.state.user.phone, phone);
  const ended = await third.logout();
  assert.equal(ended.ok && ended.endedSessions, 1);
  third.close();

  const fourth = await start('fourth');
  await settled(fourth, 'signedOut');
  fourth.close();
});

test('React Native: the app, on React Native for Web', { timeout: TEST_MS }, async () => {
  const folder = copyReactNative();
  const entry = `import { createRoot } from 'react-dom/client';
globalThis.keychain = localStorage;
const { default: App } = await import('./App');
createRoot(document.getElementById('root')).render(<App />);`;
  await bundle(entry, 'main.js', { platform: 'browser', target: 'es2022', alias: { 'react-native': 'react-native-web' } });
  writeFileSync(join(folder, 'index.html'), '<div id="root"></div><script type="module" src="/main.js"></script>');
  const vite = await startVite(folder);
  try {
    await withPage(vite.origin, async (page) => {
      const phone = await signInByOwnForm(page, server, (name) => page.getByPlaceholder(name), 'You have 2 attempts left.');
      await page.getByText(`You are ${phone}.`).waitFor();
      await page.getByRole('button', { name: 'Refresh' }).click();
      await page.getByText('Refreshes: 1').waitFor();
      await page.reload();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByPlaceholder('Phone number').waitFor();
    });
  } finally {
    await vite.stop();
  }
});
