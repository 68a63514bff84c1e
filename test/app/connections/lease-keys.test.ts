import { expect, onTestFinished, test } from 'vitest';
import { startBridge } from '../../../src/app/bridge.ts';
import { LeaseKeys } from '../../../src/app/connections/lease-keys.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { ConfigInput } from '../../../src/config/schema.ts';
import { recordedLog } from '../../queue/recorded-log.ts';
import { postgresForTests } from '../../support/postgres.ts';
import { contosoAccount, contosoConfig, relayFolder, startContoso } from '../../support/relay.ts';

const server = postgresForTests({ fsync: 'off' });

function keys(logins: Map<string, boolean>) {
  const leaseKeys = new LeaseKeys(() => logins);
  return { leaseKeys, logins, of: (connection: string) => leaseKeys.of(`${connection}/a@contoso.example`) };
}

test('a mailbox is owned by itself, or with all for which the same person logs in', () => {
  const { of } = keys(new Map(Object.entries({ app: false, person: true })));
  expect([of('app'), of('person'), of('unknown')]).toEqual([
    'app/a@contoso.example',
    'person',
    'unknown/a@contoso.example',
  ]);
});

test('a key stays as it was at the start, whatever becomes of the connection', () => {
  const { leaseKeys, logins, of } = keys(new Map(Object.entries({ app: false, person: true, both: false })));
  logins.set('app', true).set('person', false);
  expect(leaseKeys.renewed()).toEqual(['app', 'person']);
  expect([of('app'), of('person')]).toEqual(['app/a@contoso.example', 'person']);
  logins.delete('person');
  logins.set('app', false);
  expect(leaseKeys.renewed()).toEqual([]);
  expect(of('person')).toBe('person');
});

test('one of a connection that is added later is fixed then, or with the first mail before', () => {
  const { leaseKeys, logins, of } = keys(new Map());
  expect(of('early')).toBe('early/a@contoso.example');
  logins.set('early', true).set('late', true);
  expect(leaseKeys.renewed()).toEqual(['early']);
  logins.set('late', false);
  expect(leaseKeys.renewed()).toEqual(['early', 'late']);
  expect([of('early'), of('late')]).toEqual(['early/a@contoso.example', 'late']);
});

test('a bridge that shares its queue says that another grant takes a restart of all', { timeout: 60_000 }, async () => {
  const simulator = await startContoso();
  const folder = await relayFolder();
  const { log, lines } = recordedLog();
  const load = async (store: 'postgres' | 'sqlite', grant: 'client-credentials' | 'device-code') => {
    const config: ConfigInput = contosoConfig(simulator, {
      accounts: [contosoAccount('smtp')],
      ...{ tokenKey: Buffer.alloc(32, 7).toString('base64'), instance: 'mail-1' },
      queue: store === 'sqlite' ? {} : { store, postgres: { url: server().url() } },
    });
    const { contoso } = config.connections as Record<string, Record<string, unknown>>;
    if (grant === 'device-code') {
      delete contoso?.clientSecret;
      Object.assign(contoso ?? {}, { grant });
    }
    await folder.configure(config);
    return (await loadConfig(folder.configFile, { env: {} })).config;
  };
  onTestFinished(async () => {
    await simulator.close();
    await folder.remove();
  });
  const told = () => lines.filter(({ text }) => text.includes('has changed')).map(({ text }) => text);
  const bridge = await startBridge(await load('postgres', 'client-credentials'), { log });
  await bridge.reload(await load('postgres', 'client-credentials'));
  expect(told()).toEqual([]);
  await bridge.reload(await load('postgres', 'device-code'));
  await bridge.stop();
  expect(told()).toEqual(['connections.contoso.grant has changed: stop all instances, then start them again']);
  lines.length = 0;
  const alone = await startBridge(await load('sqlite', 'client-credentials'), { log });
  await alone.reload(await load('sqlite', 'device-code'));
  await alone.stop();
  expect(told()).toEqual([]);
});
