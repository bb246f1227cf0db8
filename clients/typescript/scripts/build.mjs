// Compiles the package into dist/.
import { execFileSync } from 'node:child_process';
import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
for (const folder of ['dist', 'build']) rmSync(folder, { recursive: true, force: true });
execFileSync('node_modules/.bin/tsc', { stdio: 'inherit' });
copyFileSync('src/react/style.css', 'dist/style.css');
writeFileSync('dist/style.css.d.ts', 'export {};\n');
copyFileSync('../../schema.graphql', 'dist/schema.graphql');
copyFileSync('../../LICENSE', 'LICENSE');
