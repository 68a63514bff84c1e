/** Writes the packages to `dist/packages/`: the bundle for npm, single executables, the Debian package. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Chunk, makeChunks, repository } from './bundle/chunks.ts';
import { thirdPartyNotices } from './bundle/notices.ts';
import { completions } from './completions.ts';
import { architectures, debianPackage } from './debian/package.ts';
import { makeExecutable } from './executable/executable.ts';
import { nodeBinary, type Platform } from './executable/node-binary.ts';
import { packed, programFiles } from './files.ts';
import { packageEntries, tarball } from './tarball.ts';

const usage = `Usage: npm run package -- [--only bundle|executable|debian]... [--platform PLATFORM]... [--version V] [--out DIR]

Writes to dist/packages/:

  bundle      mailbridge-VERSION.tgz, for npm; it needs Node.js 24 and fetches nothing
  executable  mailbridge-VERSION-PLATFORM, with Node.js in it; for linux-x64, or each --platform: linux-arm64, win-x64
  debian      mailbridge_VERSION_amd64.deb, with the executable for linux-x64 in it

  --only NAME  this alone; may be given more than once
  --version V  in place of that of package.json
  --out DIR    another folder
`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: ['bundle', 'executable', 'debian'] },
    platform: { type: 'string', multiple: true, default: ['linux-x64'] },
    version: { type: 'string' },
    out: { type: 'string', default: join(repository, 'dist/packages') },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const out = resolve(values.out);
const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as { version: string };
const version = values.version ?? manifest.version;

async function run(): Promise<void> {
  mkdirSync(out, { recursive: true });
  const chunks = await makeChunks();
  if (values.only.includes('bundle')) await writeBundle(chunks);
  if (!values.only.some((each) => each !== 'bundle')) return;
  for (const platform of values.platform as Platform[]) await writeExecutable(platform, chunks);
}

async function writeBundle(chunks: readonly Chunk[]): Promise<void> {
  const files = [
    ...(await programFiles(version, thirdPartyNotices(chunks))),
    packed('bin/mailbridge.js', readFileSync(join(repository, 'bin/mailbridge.js')), 0o755),
    packed('README.md', readFileSync(join(repository, 'README.md'))),
    ...chunks.map(({ name, code }) => packed(`lib/${name}`, code)),
  ];
  write(`mailbridge-${version}.tgz`, await tarball(packageEntries(files)));
}

async function writeExecutable(platform: Platform, chunks: readonly Chunk[]): Promise<void> {
  const { version: nodeVersion, license } = await nodeBinary(platform);
  const node = { name: 'node', version: nodeVersion, license: 'MIT and others', text: license };
  const files = await programFiles(version, thirdPartyNotices(chunks, [node]));
  const name = `mailbridge-${version}-${platform}${platform.startsWith('win') ? '.exe' : ''}`;
  await makeExecutable(platform, { chunks, files }, join(out, name));
  process.stdout.write(`${join(out, name)}\n`);
  if (platform === 'win-x64' || !values.only.includes('debian')) return;
  const architecture = architectures[platform];
  const parts = {
    version,
    architecture,
    executable: readFileSync(join(out, name)),
    files,
    completions: await completions(),
  };
  write(`mailbridge_${version}_${architecture}.deb`, await debianPackage(parts));
}

function write(name: string, content: Buffer): void {
  writeFileSync(join(out, name), content);
  process.stdout.write(`${join(out, name)}\n`);
}

if (values.help) process.stdout.write(usage);
else await run();
