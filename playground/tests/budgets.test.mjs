// The sizes of the built files, as browsers load them: compressed with Brotli. A file that grows beyond its budget fails.
import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ASSETS = fileURLToPath(new URL('../dist/assets/', import.meta.url));
const KB = 1000;
const BUDGETS = [
  { what: 'the first view', files: /^index-.*\.(js|css)\.br$/, kilobytes: 85 },
  { what: 'the Explorer', files: /^Explorer-.*\.(js|css)\.br$/, kilobytes: 175 },
  { what: 'the style sheets', files: /\.css\.br$/, kilobytes: 8 },
  { what: 'everything', files: /\.br$/, kilobytes: 255 },
];

describe('budgets', () => {
  for (const { what, files, kilobytes } of BUDGETS) {
    test(`${what}: at most ${kilobytes} kB`, async () => {
      const names = (await readdir(ASSETS)).filter((name) => files.test(name));
      assert.ok(names.length > 0, 'no file fits');
      const sizes = await Promise.all(names.map(async (name) => (await stat(ASSETS + name)).size));
      const sum = sizes.reduce((total, size) => total + size);
      assert.ok(sum <= kilobytes * KB, `${what} has ${sum} bytes: ${names.join(' ')}`);
    });
  }

  test('no style sheet contains a font', async () => {
    const sheets = (await readdir(ASSETS)).filter((name) => name.endsWith('.css'));
    assert.ok(sheets.length > 0);
    for (const name of sheets) assert.doesNotMatch(await readFile(ASSETS + name, 'utf8'), /url\(["']?data:/, name);
  });
});
