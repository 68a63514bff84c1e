import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { deliveryPolicy, noticeAddresses, removesCopies, sendingOrder } from '../../src/app/delivery-policy.ts';
import { loadConfig } from '../../src/config/load.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { contosoConfig, password } from '../support/relay.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const desk = 'desk@contoso.com';
const device = { password, connection: 'contoso', mailbox: desk, send: 'smtp' as const };

test('what an account for many people wants is found by the address of each, whatever its letters', async () => {
  const simulator = await startSimulator();
  const people = {
    ...{ username: '*@contoso.com', password, connection: 'contoso', send: ['graph', 'smtp'] as ['graph', 'smtp'] },
    ...{ sentItems: 'remove' as const, bounceTo: desk, onAmbiguity: 'hold' as const, envelope: 'refuse' as const },
    rewrite: { senders: { '*@old.example': '*@contoso.com' } },
  };
  const accounts = [people, { ...device, username: 'scanner' }, { ...device, username: 'anna@contoso.com' }];
  const file = join(temporaryFolder(), 'config.json');
  writeFileSync(file, JSON.stringify(contosoConfig(simulator, { accounts })), { mode: 0o600 });
  const { config } = await loadConfig(file, { env: {} });
  await simulator.close();
  const of = (username: string) => ({
    policy: deliveryPolicy(config, username),
    order: sendingOrder(config, username),
    removes: removesCopies(config, username),
    notices: noticeAddresses(config, username, { ...config.queue, failuresTo: 'admin@contoso.com' }),
  });
  const wanted = {
    policy: { envelope: 'refuse', onAmbiguity: 'hold', couriers: ['graph', 'smtp'] },
    order: ['graph', 'smtp'],
    removes: true,
    notices: { bounceTo: desk, failuresTo: 'admin@contoso.com' },
  };
  for (const person of ['ben@contoso.com', 'Ben@CONTOSO.com']) expect(of(person), person).toEqual(wanted);
  const own = {
    policy: { envelope: 'auto', onAmbiguity: 'resend', couriers: ['smtp'] },
    order: ['smtp'],
    removes: false,
    notices: { failuresTo: 'admin@contoso.com' },
  };
  // An account with this very name takes precedence over the pattern, even after it in the file.
  for (const name of ['scanner', 'anna@contoso.com']) expect(of(name), name).toEqual(own);
  for (const gone of ['ben@sub.contoso.com', 'ben@contoso.com.example', 'nobody', '']) {
    expect([of(gone).order, of(gone).removes, of(gone).policy.couriers], gone).toEqual([undefined, false, undefined]);
  }
});
