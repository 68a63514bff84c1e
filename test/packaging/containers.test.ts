import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { lacks } from '../support/external.ts';
import { freePorts } from '../support/ports.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { built, needBuilt } from './built.ts';
import { DebianRoot } from './debian/root.ts';
import { cronAccount, nowhere, smtpListener } from './nowhere.ts';

const service = join(import.meta.dirname, '../../service');
const dockerfile = readFileSync(join(service, 'docker/Dockerfile'), 'utf8');
const kubernetes = readFileSync(join(service, 'kubernetes/mailbridge.yaml'), 'utf8');

/** The instructions that make the final image, in order. */
const instructions = dockerfile
  .slice(dockerfile.lastIndexOf('\nFROM '))
  .split('\n')
  .flatMap((line) => {
    const [, name = '', rest = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    return name === '' ? [] : [{ name, rest }];
  });

const of = (name: string) => instructions.filter((each) => each.name === name).map(({ rest }) => rest);

describe('the image, made in a Debian by the steps of the Dockerfile', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'mailbridge-test-'));
  let root: DebianRoot | undefined;
  const debian = () => root as DebianRoot;

  beforeEach((context) => {
    needBuilt(context, 'executable');
    if (root === undefined && !DebianRoot.isPossible())
      lacks(context, 'this machine allows no layers of a file system');
    if (root !== undefined) return;
    mkdirSync(join(folder, 'context'));
    copyFileSync(built.executable, join(folder, 'context/mailbridge'));
    copyFileSync(join(service, 'docker/health'), join(folder, 'context/health'));
    root = DebianRoot.open(folder, join(folder, 'context'));
  });
  afterAll(async () => {
    await root?.close();
    rmSync(folder, { recursive: true });
  });

  test('every step works', async () => {
    await debian().must(
      'rm -rf /var/lib/mailbridge /etc/mailbridge; userdel mailbridge 2>/dev/null; groupdel mailbridge 2>/dev/null; true',
    );
    for (const { name, rest } of instructions) {
      if (name === 'RUN') await debian().must(rest);
      if (name !== 'COPY') continue;
      const [from = '', to = ''] = rest.split(' ').filter((word) => !word.startsWith('--'));
      const mode = /--chmod=(\d+)/.exec(rest)?.[1];
      await debian().must(`install -D -m ${mode} /packages/${from.split('/').at(-1)} ${to}`);
    }
    expect(await debian().must('stat -c "%u %a" /var/lib/mailbridge')).toBe('10001 700');
  });

  test('it runs without root and writes to its volume alone; HEALTHCHECK says so', async () => {
    const [port, admin] = [await freePorts(1), await freePorts(1)];
    const config = {
      dataDir: '/var/lib/mailbridge',
      hostname: 'bridge.example',
      listeners: [smtpListener(port)],
      connections: { nowhere },
      accounts: [cronAccount],
      admin: { host: '127.0.0.1', port: admin },
    };
    await debian().must(`echo '${JSON.stringify(config)}' > /etc/mailbridge/config.json`);
    const [entry, command] = [of('ENTRYPOINT'), of('CMD')].map(([words = '']) =>
      (JSON.parse(words) as string[]).join(' '),
    );
    const [user] = of('USER');
    expect(user).toBe('10001:10001');
    const asUser = `${of('ENV').join(' ')} HOME=/var/lib/mailbridge setpriv --reuid=10001 --regid=10001 --clear-groups --no-new-privs --bounding-set=-all`;
    const readOnly =
      'mount --bind /var/lib/mailbridge /var/lib/mailbridge && mount -t tmpfs tmpfs /tmp && mount -o remount,bind,ro /';
    await debian().must(
      `unshare --mount sh -c '${readOnly} && ! touch /usr/x 2>/dev/null && exec env ${asUser} ${entry} ${command}' > /packages/log 2>&1 & echo $! > /packages/pid`,
    );
    const health = JSON.parse(of('HEALTHCHECK')[0]?.replace(/^.*CMD /, '') ?? '') as string[];
    const ask = `MAILBRIDGE_HEALTH_PORT=${admin} ${health.join(' ')}`;
    await debian().must(
      `for n in $(seq 300); do ${ask} 2>/dev/null && exit 0; sleep 0.1; done; cat /packages/log; exit 1`,
    );
    await debian().must(`${ask} /readyz`);
    expect((await debian().run(`${ask} /nothing`)).status).toBe(1);
    expect(await debian().must('stat -c %u /proc/$(cat /packages/pid)')).toBe('10001');
    await debian().must(
      'kill $(cat /packages/pid); while kill -0 $(cat /packages/pid) 2>/dev/null; do sleep 0.1; done',
    );
    expect((await debian().run(ask)).status).toBe(1);
    expect(await debian().must('tail -n 1 /packages/log')).toContain('"stopped"');
  });
});

/** The configuration in the Secret of the manifests. */
async function kubernetesConfig() {
  const [, text = ''] = /^ {2}config\.json: \|\n((?: {4}.*\n)+)/m.exec(kubernetes) ?? [];
  const file = join(temporaryFolder(), 'config.json');
  writeFileSync(file, text.replaceAll(/^ {4}/gm, ''));
  const env = { CONTOSO_CLIENT_SECRET: 'a secret', SCANNER_PASSWORD: 'a password' };
  return await loadConfig(file, { env });
}

test('the manifests hold a valid configuration, and pass what it needs', async () => {
  const { config, references } = await kubernetesConfig();
  for (const name of references.variables) expect(kubernetes).toContain(`- name: ${name}\n`);
  const ports = [...kubernetes.matchAll(/containerPort: (\d+)/g)].map(([, port]) => Number(port));
  expect(config.listeners.map(({ port }) => port)).toEqual(ports);
  const [user] = of('USER');
  expect(kubernetes).toContain(`runAsUser: ${user?.split(':')[0]}`);
  expect(kubernetes).toContain('readOnlyRootFilesystem: true');
  const grace = Number(/terminationGracePeriodSeconds: (\d+)/.exec(kubernetes)?.[1]);
  expect(grace).toBeGreaterThan(config.shutdown.drainSeconds + 2 * config.shutdown.graceSeconds);
});
