import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

const SERVER = 'http://127.0.0.1:8000';

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
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    // The Explorer is one large part, and is loaded on demand. A test limits the compressed sizes.
    chunkSizeWarningLimit: 1000,
  },
  server: {
    // The Explorer contains the schema, which is in the folder above.
    fs: { allow: ['..'] },
    proxy: { '/graphql': { target: SERVER, ws: true }, '/dev': SERVER, '/avatars': SERVER, '/playground.json': SERVER },
  },
});
