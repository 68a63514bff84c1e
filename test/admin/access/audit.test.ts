import { appendFileSync, existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { auditFiles, auditLock } from '../../../src/admin/access/audit-files.ts';
import { AuditLog } from '../../../src/admin/access/audit-log.ts';
import { FileLock } from '../../../src/base/files/file-lock.ts';
import { runProgram } from '../../support/external.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { keptLog } from '../../support/kept-log.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { adminToken, adminWorld, bearer, signedIn } from '../admin-world.ts';

interface Kept {
  readonly time: string;
  readonly action: string;
  readonly outcome: string;
  readonly user: string | null;
  readonly address: string;
  readonly details: Readonly<Record<string, unknown>>;
}

const entriesIn = (dataDir: string, file = auditFiles[0] ?? '') =>
  readFileSync(join(dataDir, file), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Kept);

test('each sign-in, each attempt at one, and each change is a line for the user of the bridge alone', async () => {
  const world = await adminWorld();
  const { send } = await signedIn(world);
  await world.call('/api/v1/session', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{"token":"wrong-token-of-this-test"}',
  });
  await send('POST', '/messages/actions', { action: 'hold', filter: { sender: 'a@contoso.com' } });
  await send('POST', '/messages/actions', { action: 'hold' });
  await send('POST', '/connections/contoso/check');
  await send('POST', '/connections/nobody/check');
  await send('POST', '/accounts/anna/app-passwords', { name: 'second floor' });
  await send('DELETE', '/session');
  await send('POST', '/messages/actions', { action: 'hold', filter: {} });
  const entries = entriesIn(world.dataDir);
  expect(entries.map(({ user, action, outcome }) => `${user} ${action} ${outcome}`)).toEqual([
    'null sign-in done',
    'null sign-in admin-token-wrong',
    'admin token messages done',
    'admin token messages admin-request-invalid',
    'admin token connections.check done',
    'admin token connections.check admin-not-found',
    'admin token app-passwords.add done',
    'admin token sign-out done',
  ]);
  expect(new Set(entries.map(({ address }) => address))).toEqual(new Set(['127.0.0.1']));
  expect(entries[0]).toMatchObject({ details: { user: 'admin token', role: 'operate' } });
  expect(entries[2]).toMatchObject({ by: 'token', details: { action: 'hold', filter: { sender: 'a@contoso.com' } } });
  expect(statSync(join(world.dataDir, 'admin-audit.jsonl')).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(world.dataDir, 'admin-audit.jsonl'), 'utf8')).not.toMatch(/wrong-token|the-admin-token/);
});

test('strangers cannot fill it: of them wrong tokens alone are recorded', async () => {
  const { log, lines } = keptLog();
  const world = await adminWorld({ log });
  const post = (path: string, body: string) =>
    world.call(`/api/v1${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
  for (let count = 0; count < 20; count++) {
    expect((await post('/messages/actions', '{"action":"hold","filter":{}}')).status).toBe(401);
    expect((await post('/session', '{}')).status).toBe(400);
  }
  expect(existsSync(join(world.dataDir, 'admin-audit.jsonl'))).toBe(false);
  await post('/session', '{"token":"wrong-token-of-this-test"}');
  expect(entriesIn(world.dataDir)).toMatchObject([{ action: 'sign-in', outcome: 'admin-token-wrong' }]);
  expect(lines).toMatchObject([{ msg: 'admin sign-in refused', client: '127.0.0.1' }]);
});

test('who shows the same wrong token again and again gets a line a minute', async () => {
  const clock = new FakeClock();
  const world = await adminWorld({ clock });
  const guess = async () => {
    let status: number | undefined;
    void bearer(world, 'wrong-token-of-this-test')('POST', '/connections/contoso/check').then((answer) => {
      status = answer.status;
    });
    while (status === undefined) await clock.advance(100);
    expect(status).toBe(401);
  };
  for (let count = 0; count < 8; count++) await guess();
  expect(entriesIn(world.dataDir).length).toBe(1);
  await bearer(world)('POST', '/connections/contoso/check');
  await clock.advance(60_000);
  await guess();
  expect(entriesIn(world.dataDir).map(({ outcome, details }) => [outcome, details.times])).toEqual([
    ['admin-token-wrong', undefined],
    ['done', undefined],
    ['admin-token-wrong', 7],
  ]);
});

test('strangers of many networks get 60 lines an hour', async () => {
  const dataDir = temporaryFolder();
  const clock = new FakeClock();
  const audit = new AuditLog({ dataDir, clock, log: keptLog().log });
  const attempt = (address: string) =>
    audit.recordStranger({ user: null, by: null, address, action: 'sign-in', details: {}, outcome: 'x' });
  for (let count = 0; count < 5_000; count++) attempt(`10.${count >> 8}.${count & 255}.1`);
  expect(entriesIn(dataDir).length).toBe(60);
  await clock.advance(3_600_000);
  attempt('2001:db8::1');
  attempt('2001:db8::2');
  expect(entriesIn(dataDir).slice(60)).toMatchObject([{ address: '2001:db8::1', details: { times: 4_940 } }]);
  audit.close();
});

test('looking at things leaves no line, and the log is read at the API, the latest first', async () => {
  const world = await adminWorld();
  const ask = bearer(world);
  for (const path of ['/overview', '/messages', '/accounts', '/log']) await ask('GET', path);
  expect(existsSync(join(world.dataDir, 'admin-audit.jsonl'))).toBe(false);
  expect(await (await ask('GET', '/audit')).json()).toEqual({ entries: [] });
  await ask('POST', '/connections/contoso/check');
  await ask('POST', '/messages/actions', { action: 'retry', filter: {} });
  const { entries } = (await (await ask('GET', '/audit?limit=1')).json()) as { entries: Kept[] };
  expect(entries).toMatchObject([{ action: 'messages', outcome: 'done' }]);
});

function auditLog(dataDir: string) {
  const { log, lines } = keptLog();
  const audit = new AuditLog({ dataDir, clock: new FakeClock(), log, maxBytes: 1_000 });
  const entry = { user: 'anna', by: 'token', address: '127.0.0.1', details: {}, outcome: 'done' } as const;
  return { audit, lines, record: (action: string) => audit.record({ ...entry, action }) };
}

test('a file that is full makes way for the next; four earlier ones stay', () => {
  const dataDir = temporaryFolder();
  const { audit, record } = auditLog(dataDir);
  for (let count = 0; count < 60; count++) record(`action-${count}`);
  expect(audit.last(3).map(({ action }) => action)).toEqual(['action-59', 'action-58', 'action-57']);
  audit.close();
  for (const file of auditFiles) expect(statSync(join(dataDir, file)).size).toBeLessThanOrEqual(1_000);
  const all = auditFiles.toReversed().flatMap((file) => entriesIn(dataDir, file).map(({ action }) => action));
  expect(all).toEqual(all.map((_, at) => `action-${60 - all.length + at}`));
  expect(existsSync(join(dataDir, 'admin-audit.jsonl.5'))).toBe(false);
  const again = auditLog(dataDir);
  again.record('the next run');
  expect(entriesIn(dataDir).at(-1)?.action).toBe('the next run');
  again.audit.close();
});

test('a line that was written in part is passed over, and the next one begins behind it', async () => {
  const dataDir = temporaryFolder();
  const first = auditLog(dataDir);
  first.record('before');
  first.audit.close();
  appendFileSync(join(dataDir, 'admin-audit.jsonl'), '{"time":"2026-01-05T08:00');
  const world = await adminWorld({ settings: { dataDir } });
  const actions = async () => {
    const answer = await bearer(world)('GET', '/audit');
    return ((await answer.json()) as { entries: Kept[] }).entries.map(({ action }) => action);
  };
  expect(await actions()).toEqual(['before']);
  await bearer(world)('POST', '/connections/contoso/check');
  expect(await actions()).toEqual(['connections.check', 'before']);
  expect(readFileSync(join(dataDir, 'admin-audit.jsonl'), 'utf8')).toMatch(/T08:00\n\{.*\n$/);
});

test('a link in its place is not followed; what was done is told in the log of the bridge', () => {
  const dataDir = temporaryFolder();
  const elsewhere = join(temporaryFolder(), 'elsewhere');
  writeFileSync(elsewhere, '');
  symlinkSync(elsewhere, join(dataDir, 'admin-audit.jsonl'));
  const { record, lines } = auditLog(dataDir);
  record('sign-in');
  expect(readFileSync(elsewhere, 'utf8')).toBe('');
  expect(lines).toMatchObject([{ msg: 'audit: cannot write an entry', entry: { action: 'sign-in' } }]);
});

test('a token that is shown stands in no line', async () => {
  const { log, lines } = keptLog();
  const world = await adminWorld({ log });
  await bearer(world, adminToken)('POST', '/connections/contoso/check');
  await bearer(world, adminToken)('POST', '/connections/contoso/sign-in', {});
  expect(JSON.stringify(lines)).not.toContain(adminToken);
  expect(lines.map(({ msg }) => msg)).toContain('cannot answer at the admin port');
});

test('two processes write one log: no line is lost, torn or in a file too many', () => {
  const dataDir = temporaryFolder();
  const bridge = auditLog(dataDir);
  const command = auditLog(dataDir);
  for (let count = 0; count < 30; count++) (count % 3 === 0 ? command : bridge).record(`action-${count}`);
  // The bridge had the file open while the command rotated it, and the other way round.
  expect(entriesIn(dataDir).at(-1)?.action).toBe('action-29');
  bridge.audit.close();
  command.audit.close();
  const all = auditFiles.toReversed().flatMap((file) => entriesIn(dataDir, file).map(({ action }) => action));
  expect(all).toEqual(all.map((_, at) => `action-${30 - all.length + at}`));
  expect(auditFiles.map((file) => statSync(join(dataDir, file)).size <= 1_000)).toEqual(auditFiles.map(() => true));
  expect([...bridge.lines, ...command.lines]).toEqual([]);
});

test('while another process makes way for the next file, a line goes to the full one', async () => {
  const dataDir = temporaryFolder();
  const { audit, record } = auditLog(dataDir);
  const release = await new FileLock(join(dataDir, auditLock), 1_000).take();
  for (let count = 0; count < 12; count++) record(`action-${count}`);
  expect(entriesIn(dataDir)).toHaveLength(12);
  expect(existsSync(join(dataDir, 'admin-audit.jsonl.1'))).toBe(false);
  release();
  record('action-12');
  expect(entriesIn(dataDir).map(({ action }) => action)).toEqual(['action-12']);
  audit.close();
});

test('several processes at once: every line is whole, and there once', async () => {
  const dataDir = temporaryFolder();
  const script = join(import.meta.dirname, 'audit-process.ts');
  const names = ['one', 'two', 'three'];
  const lines = 2_000;
  const maxBytes = 400_000;
  const ran = await Promise.all(
    names.map((name) => runProgram(process.execPath, [script, dataDir, name, String(lines), String(maxBytes)])),
  );
  expect(ran).toEqual(names.map(() => ({ code: 0, output: '' })));
  const files = auditFiles.filter((file) => existsSync(join(dataDir, file)));
  expect(files.length).toBeGreaterThan(2);
  const all = files.flatMap((file) => entriesIn(dataDir, file));
  for (const name of names) {
    const own = all.filter(({ user }) => user === name).map(({ details }) => Number(details.at));
    expect([name, own.toSorted((a, b) => a - b)]).toEqual([name, Array.from({ length: lines }, (_, at) => at)]);
  }
});
