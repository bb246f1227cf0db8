// Draws docs/dashboard.png: the panels of deploy/grafana.json, with data of a running Prometheus. Grafana itself is not needed.
// `node tests/dashboard.mjs http://127.0.0.1:9090 10`, for the last ten minutes.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { launch } from './support/browser.mjs';

const [prometheus, minutes = '10'] = process.argv.slice(2);
if (!prometheus) throw new Error('usage: node tests/dashboard.mjs http://127.0.0.1:9090 [minutes]');

const RATE_INTERVAL = '30s';
const COLOURS = ['#3b82f6', '#f59e0b', '#10b981', '#ef4444', '#8b5cf6', '#06b6d4', '#ec4899', '#84cc16', '#64748b'];
const WIDTH = 420;
const HEIGHT = 130;

const dashboard = JSON.parse(await readFile(new URL('../../deploy/grafana.json', import.meta.url), 'utf8'));
const end = Date.now() / 1000;
const start = end - Number(minutes) * 60;

async function series({ expr, legendFormat }) {
  const query = new URLSearchParams({
    query: expr.replaceAll('$__rate_interval', RATE_INTERVAL),
    start: String(start),
    end: String(end),
    step: '5',
  });
  const answer = await (await fetch(`${prometheus}/api/v1/query_range`, { method: 'POST', body: query })).json();
  if (answer.status !== 'success') throw new Error(`${expr}: ${answer.error}`);
  return answer.data.result.map(({ metric, values }) => ({
    name: legendFormat.replace(/{{(\w+)}}/g, (_, label) => metric[label] ?? ''),
    points: values.map(([at, value]) => [at, Number(value)]).filter(([, value]) => Number.isFinite(value)),
  }));
}

const escape = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

function shown(value, unit) {
  if (unit === 's') return value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(1)} s`;
  if (unit === 'percentunit') return `${(value * 100).toFixed(0)} %`;
  return `${Number(value.toPrecision(3))}${unit === 'ops' ? '/s' : ''}`;
}

function chart(all, unit) {
  const values = all.flatMap(({ points }) => points.map(([, value]) => value));
  if (values.length === 0) return '<p class="empty">no data</p>';
  const top = (Math.max(...values) || 1) * 1.1;
  const bottom = Math.min(...values, 0);
  const x = (at) => 48 + ((at - start) / (end - start)) * (WIDTH - 52);
  const y = (value) => 4 + (1 - (value - bottom) / (top - bottom)) * (HEIGHT - 8);
  const grid = [0, 0.5, 1].map((part) => {
    const value = bottom + part * (top - bottom);
    return `<line x1="48" x2="${WIDTH}" y1="${y(value)}" y2="${y(value)}" stroke="#e5e7eb"/>
      <text x="44" y="${Math.min(Math.max(y(value) + 3, 9), HEIGHT - 2)}" text-anchor="end">${shown(value, unit)}</text>`;
  });
  const lines = all.map(({ points }, index) => {
    const path = points.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
    return `<polyline points="${path}" fill="none" stroke="${COLOURS[index % COLOURS.length]}" stroke-width="1.5"/>`;
  });
  const legend = all.map(
    ({ name }, index) => `<span><i style="background:${COLOURS[index % COLOURS.length]}"></i>${escape(name)}</span>`,
  );
  return `<svg width="${WIDTH}" height="${HEIGHT}">${grid.join('')}${lines.join('')}</svg><div>${legend.join('')}</div>`;
}

const parts = [];
for (const panel of dashboard.panels) {
  if (panel.type === 'row') {
    parts.push(`<h2>${escape(panel.title)}</h2>`);
    continue;
  }
  const all = (await Promise.all(panel.targets.map(series))).flat();
  parts.push(`<section><h3>${escape(panel.title)}</h3>${chart(all, panel.fieldConfig.defaults.unit)}</section>`);
}

const html = `<!doctype html><meta charset="utf-8"><style>
  body { font: 11px system-ui, sans-serif; margin: 16px; width: 1340px; display: grid; gap: 10px; background: #f3f4f6;
    grid-template-columns: repeat(3, 1fr); color: #111827; }
  h2 { grid-column: 1 / -1; margin: 8px 0 0; font-size: 14px; }
  section { background: white; border: 1px solid #e5e7eb; border-radius: 4px; padding: 8px; min-height: 170px; }
  h3 { margin: 0 0 6px; font-size: 12px; } svg text { font-size: 9px; fill: #6b7280; }
  span { margin-right: 10px; white-space: nowrap; } i { display: inline-block; width: 10px; height: 3px; margin-right: 4px; }
  div { display: flex; flex-wrap: wrap; } .empty { color: #9ca3af; text-align: center; margin-top: 60px; }
</style><body>${parts.join('')}`;

const browser = await launch();
try {
  const page = await browser.newPage({ viewport: { width: 1372, height: 400 } });
  await page.setContent(html);
  const path = fileURLToPath(new URL('../../docs/dashboard.png', import.meta.url));
  await page.screenshot({ path, fullPage: true });
} finally {
  await browser.close();
}
