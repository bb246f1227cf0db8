// A stand-in for WeChat: it runs a mini program with only the globals that WeChat has, so not `fetch`, `crypto`,
// `localStorage`, `URL` or `atob`.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import vm from 'node:vm';

/** Starts the mini program in `root`, and opens a page. `storage` is what WeChat keeps on the device. */
export function openMiniProgram(root, path, storage) {
  const program = { isOffline: false };
  const timers = new Set();
  let app;
  let definition;

  const wx = {
    request({ url, method, header, data, success, fail }) {
      assert.equal(typeof data, 'string');
      if (program.isOffline) return void setTimeout(fail, 0, { errMsg: 'request:fail' });
      fetch(url, { method, headers: header, body: data })
        .then(async (response) => {
          const text = await response.text();
          // WeChat parses only JSON, and keeps the names of headers as the server wrote them.
          const isJson = /^application\/json/.test(response.headers.get('content-type'));
          success({ data: isJson ? JSON.parse(text) : text, statusCode: response.status, header: Object.fromEntries(response.headers) });
        })
        .catch((error) => fail({ errMsg: `request:fail ${error.message}` }));
      return undefined;
    },
    getStorageSync: (key) => storage.get(key) ?? '',
    setStorageSync: (key, value) => void storage.set(key, value),
    setStorage: ({ key, data, success }) => (storage.set(key, data), success?.({})),
    getRandomValues: ({ length, success }) => success({ randomValues: new Uint8Array(randomBytes(length)).buffer }),
    getSystemInfoSync: () => ({ brand: 'HUAWEI', model: 'Mate 60', language: 'zh_CN' }),
  };
  const later = (start, end) => [
    (...args) => {
      const timer = start(...args);
      timers.add(timer);
      // A test that fails does not close the program, and must end all the same.
      timer.unref();
      return Number(timer);
    },
    end,
  ];
  const [setTimer, clearTimer] = later(setTimeout, clearTimeout);
  const [setEvery, clearEvery] = later(setInterval, clearInterval);
  const context = vm.createContext({
    wx,
    console,
    setTimeout: setTimer,
    clearTimeout: clearTimer,
    setInterval: setEvery,
    clearInterval: clearEvery,
    App: (value) => (app = value),
    getApp: () => app,
    Page: (value) => (definition = value),
  });

  const modules = new Map();
  /** Runs a file as a CommonJS module, as WeChat does. */
  function load(file) {
    const known = modules.get(file);
    if (known) return known.exports;
    const module = { exports: {} };
    modules.set(file, module);
    const wrapped = vm.runInContext(`(function (module, exports, require) {${readFileSync(file, 'utf8')}\n})`, context, { filename: file });
    wrapped(module, module.exports, (name) => load(resolve(dirname(file), name)));
    return module.exports;
  }

  const { pages } = JSON.parse(readFileSync(join(root, 'app.json'), 'utf8'));
  assert.ok(pages.includes(path));
  load(join(root, 'app.js'));
  load(join(root, `${path}.js`));

  const page = Object.assign(Object.create(definition), {
    data: structuredClone(definition.data),
    setData(changes) {
      // WeChat sends the data to the view as JSON.
      Object.assign(page.data, JSON.parse(JSON.stringify(changes)));
    },
  });
  const view = readFileSync(join(root, `${path}.wxml`), 'utf8');
  for (const [, name] of view.matchAll(/bind\w+="(\w+)"/g)) assert.equal(typeof page[name], 'function', `${name} of the view`);
  const expressions = [...view.matchAll(/{{(.*?)}}/g)].map(([, text]) => text.replace(/'[^']*'/g, ''));
  for (const [name] of expressions.join(' ').matchAll(/(?<![.\w])[a-z]\w*/g)) assert.ok(name in page.data, `${name} of the view`);
  page.onLoad({});

  return Object.assign(program, {
    data: page.data,
    /** Types into the field whose value is `name`. */
    type(name, value) {
      const [, handler] = new RegExp(`value="{{${name}}}" bindinput="(\\w+)"`).exec(view);
      page[handler]({ detail: { value } });
    },
    /** Taps the button with this handler, and waits for it. */
    async tap(handler) {
      assert.ok(view.includes(`bindtap="${handler}"`));
      await page[handler]({});
    },
    close() {
      page.onUnload?.();
      for (const timer of timers) clearTimeout(timer);
    },
  });
}
