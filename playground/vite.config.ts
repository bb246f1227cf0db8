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
        if (!(await stat(path)).isFile() || !/\.(html|js|css|svg|ttf)$/.test(path)) continue;
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
    // The Explorer's editor is one large part, and is loaded on demand.
    chunkSizeWarningLimit: 5000,
    rolldownOptions: {
      // GraphiQL's files have directives for a compiler that has already run.
      onwarn: (warning, warn) => warning.code === 'MODULE_LEVEL_DIRECTIVE' || warn(warning),
    },
  },
  worker: { format: 'es' },
  // Vite's way of loading workers breaks if the package is bundled beforehand.
  optimizeDeps: { exclude: ['graphiql/setup-workers/vite', '@graphiql/react/setup-workers/vite'] },
  server: { proxy: { '/graphql': { target: SERVER, ws: true }, '/dev': SERVER, '/playground.json': SERVER } },
});
