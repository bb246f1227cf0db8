import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

const SERVER = 'http://127.0.0.1:8000';
/** The project's own package. It is compiled with the page, so it needs no installation. */
const PACKAGE = fileURLToPath(new URL('../clients/typescript/src/', import.meta.url));

/** Compresses the built files once. The server only chooses the file that a browser accepts. */
function compress(): Plugin {
  return {
    name: 'compress',
    apply: 'build',
    async closeBundle() {
      const entries = await readdir('dist', { recursive: true });
      for (const path of entries.map((entry) => join('dist', entry))) {
        if (!(await stat(path)).isFile() || !/\.(html|js|css|svg)$/.test(path)) continue;
        const content = await readFile(path);
        const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };
        await writeFile(`${path}.br`, await promisify(brotliCompress)(content, quality));
        await writeFile(`${path}.gz`, await promisify(gzip)(content, { level: constants.Z_BEST_COMPRESSION }));
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), compress()],
  resolve: {
    alias: [
      { find: /^sms-login$/, replacement: `${PACKAGE}index.ts` },
      { find: /^sms-login\/react$/, replacement: `${PACKAGE}react/index.ts` },
    ],
    dedupe: ['react', 'react-dom'],
  },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    // The Explorer is one large part, and is loaded on demand. A test limits the compressed sizes.
    chunkSizeWarningLimit: 1000,
  },
  server: {
    // The package and the schema are in the folder above.
    fs: { allow: ['..'] },
    proxy: { '/graphql': { target: SERVER, ws: true }, '/dev': SERVER, '/avatars': SERVER, '/playground.json': SERVER },
  },
});
