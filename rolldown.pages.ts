import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'rolldown';

const from = 'src/admin/pages';
const to = 'dist/admin/pages';

/** The packages that the pages load, as the server finds them below `/ui/vendor/`. */
const vendor = {
  'lit-html': 'node_modules/lit-html',
  'uplot/uPlot.esm.js': 'node_modules/uplot/dist/uPlot.esm.js',
  'uplot/uPlot.min.css': 'node_modules/uplot/dist/uPlot.min.css',
};

/** The pages for the package: their own code as one small file. Run from source, the server strips the types instead. */
export default defineConfig({
  input: { main: join(from, 'main.ts'), 'connect/main': join(from, 'connect/main.ts') },
  external: /\/vendor\//,
  output: { dir: to, minify: true },
  plugins: [
    {
      name: 'pages',
      generateBundle(_, bundle) {
        for (const file of Object.values(bundle)) {
          // Line ends with indentation are left in templates alone.
          if (file.type === 'chunk') file.code = file.code.replaceAll(/\n {2,}/g, ' ');
        }
        for (const fileName of ['index.html', 'connect/index.html', 'pages.css', 'icon.svg']) {
          const source = readFileSync(join(from, fileName), 'utf8');
          this.emitFile({ type: 'asset', fileName, source: fileName.endsWith('.css') ? dense(source) : source });
        }
      },
      writeBundle() {
        for (const [name, source] of Object.entries(vendor)) {
          cpSync(source, join(to, 'vendor', name), { recursive: true, filter: isServed });
        }
      },
    },
  ],
});

function dense(css: string): string {
  return css
    .replaceAll(/\/\*.*?\*\//gs, '')
    .replaceAll(/\s*([{}:;,])\s+/g, '$1')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

/** Of a package's folder, what browsers load, and its licence. */
function isServed(path: string): boolean {
  return !/lit-html\/(?:development|node|.*\.(?:map|ts|md))/.test(path);
}
