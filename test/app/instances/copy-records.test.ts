import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AppPasswordFile } from '../../../src/accounts/sources/app-passwords/files/store.ts';
import { AppPasswordRecords } from '../../../src/accounts/sources/app-passwords/records/store.ts';
import { openConnectionStore } from '../../../src/app/connections/tokens.ts';
import { copyRecords } from '../../../src/app/instances/copy-records.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLog } from '../../../src/base/log.ts';
import { resolveCloud } from '../../../src/config/clouds.ts';
import { readConfigText } from '../../../src/config/load.ts';
import type { Config } from '../../../src/config/schema.ts';
import { noteSecret } from '../../support/secret-search/record.ts';
import { MemoryRecords } from '../../support/shared-records.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { signIn } from '../../tokens/sign-ins/samples.ts';

const parts = { clock: systemClock, log: silentLog, env: {} };
const tokenKey = 'a7'.repeat(32);

function configured(folder: string, more: object = { tokenKey }): Config {
  const connection = { tenantId: 'contoso.onmicrosoft.com', clientId: signIn.clientId, grant: 'device-code' };
  const text = JSON.stringify({
    listeners: [{ protocol: 'smtp', port: 0 }],
    connections: { contoso: connection, other: connection },
    accounts: [
      {
        username: 'scanner',
        password: 'some-password',
        connection: 'contoso',
        send: 'graph',
        mailbox: 'a@contoso.com',
      },
    ],
    ...more,
  });
  return readConfigText(text, 'config.json', { folder, mode: 0o600, env: {} }).config;
}

async function storeOf(config: Config, shared?: MemoryRecords) {
  const connection = config.connections.contoso!;
  if (connection.grant !== 'device-code') throw new Error('another connection');
  const endpoints = resolveCloud(connection.cloud, connection.tenantId);
  return await openConnectionStore('contoso', connection, config, { ...parts, endpoints, shared });
}

test('a sign-in and app passwords go from the data folder to the store, whatever key the folder had, and back', async () => {
  noteSecret('configured secret', tokenKey);
  const folder = temporaryFolder();
  const records = new MemoryRecords();
  const before = configured(folder, {});
  await (await storeOf(before)).replace(signIn);
  const password = await new AppPasswordFile(join(folder, 'data')).add('scanner', 'floor 1', new Date());
  noteSecret('user password', password);

  const config = configured(folder);
  const there = { records, direction: 'to-records', ...parts } as const;
  expect(await copyRecords(config, there)).toEqual({
    signIns: [
      { connection: 'contoso', outcome: 'copied' },
      { connection: 'other', outcome: 'absent' },
    ],
    appPasswords: { copied: 1, kept: 0 },
    passwordIds: new Set([expect.any(String)]),
  });
  expect(await (await storeOf(config, records)).read()).toEqual(signIn);
  expect(await new AppPasswordRecords(records).all()).toEqual(await new AppPasswordFile(join(folder, 'data')).all());

  const renewed = { ...signIn, renewedAtMs: 9 };
  await (await storeOf(config, records)).replace(renewed);
  expect(await copyRecords(config, there)).toMatchObject({
    signIns: [{ outcome: 'kept' }, { outcome: 'absent' }],
    appPasswords: { copied: 0, kept: 1 },
  });
  expect(await (await storeOf(config, records)).read()).toEqual(renewed);

  const elsewhere = configured(temporaryFolder());
  expect(await copyRecords(elsewhere, { ...there, direction: 'to-files' })).toMatchObject({
    signIns: [{ outcome: 'copied' }, { outcome: 'absent' }],
    appPasswords: { copied: 1, kept: 0 },
  });
  expect(await (await storeOf(elsewhere)).read()).toEqual(renewed);
  expect(await new AppPasswordFile(elsewhere.dataDir).all()).toEqual(await new AppPasswordRecords(records).all());
});

test('a sign-in that cannot be opened is told of, and the others go', async () => {
  const folder = temporaryFolder();
  const lost = configured(folder, { tokenKey: 'b3'.repeat(32) });
  await (await storeOf(lost)).replace(signIn);
  const records = new MemoryRecords();
  expect(await copyRecords(configured(folder), { records, direction: 'to-records', ...parts })).toMatchObject({
    signIns: [
      { connection: 'contoso', outcome: 'failed', error: { code: 'sign-in-file-key-wrong' } },
      { connection: 'other', outcome: 'absent' },
    ],
  });
});

test('without a key for the store nothing is copied', async () => {
  const records = new MemoryRecords();
  const copying = copyRecords(configured(temporaryFolder(), {}), { records, direction: 'to-records', ...parts });
  await expect(copying).rejects.toMatchObject({ code: 'token-key-needed' });
});
