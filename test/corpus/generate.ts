/** Writes the generated part of the corpus: `node test/corpus/generate.ts`. Handmade files live in `handwritten/`. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { applications } from './recipes/applications.ts';
import { bodies } from './recipes/bodies.ts';
import { headers } from './recipes/headers.ts';
import type { Recipes } from './recipes/mail.ts';
import { multiparts } from './recipes/multiparts.ts';
import { refused } from './recipes/refused.ts';

/** Every generated file, by its path below this folder. */
export function generatedFiles(): Map<string, Buffer> {
  return new Map([
    ...files('generated', { ...bodies, ...headers, ...multiparts, ...applications }),
    ...files('refused', refused),
  ]);
}

function files(folder: string, recipes: Recipes): [string, Buffer][] {
  return Object.entries(recipes).map(([name, text]) => [`${folder}/${name}.eml`, Buffer.from(text, 'latin1')]);
}

if (import.meta.main) {
  for (const folder of ['generated', 'refused']) {
    mkdirSync(join(import.meta.dirname, folder), { recursive: true });
    for (const name of readdirSync(join(import.meta.dirname, folder))) rmSync(join(import.meta.dirname, folder, name));
  }
  for (const [path, content] of generatedFiles()) writeFileSync(join(import.meta.dirname, path), content);
}
