import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { BridgeCounters, mostAccounts } from '../../../src/admin/metrics/counters.ts';

function counting() {
  const registry = new Registry();
  const counters = new BridgeCounters(registry);
  const lines = async (name: string) =>
    (await registry.getSingleMetricAsString(name)).split('\n').filter((line) => !line.startsWith('#'));
  return { counters, lines };
}

const event = { kind: 'accepted', account: 'scanner', mailbox: 'only', courier: 'graph', bytes: 100 } as const;

test('messages are counted by what happened to them, account, mailbox and courier; their bytes by the first', async () => {
  const { counters, lines } = counting();
  counters.message(event);
  counters.message({ ...event, bytes: 11 });
  counters.message({ ...event, kind: 'deferred', courier: 'smtp' });
  expect(await lines('mailbridge_messages_total')).toEqual([
    'mailbridge_messages_total{event="accepted",account="scanner",mailbox="only",courier="graph"} 2',
    'mailbridge_messages_total{event="deferred",account="scanner",mailbox="only",courier="smtp"} 1',
  ]);
  expect(await lines('mailbridge_message_bytes_total')).toContain(
    'mailbridge_message_bytes_total{event="accepted"} 111',
  );
});

test('of 5,000 accounts the first are told apart, the rest are one', async () => {
  const { counters, lines } = counting();
  for (let i = 0; i < 5000; i++) counters.message({ ...event, account: `account-${i}` });
  const told = await lines('mailbridge_messages_total');
  expect(told).toHaveLength(mostAccounts + 1);
  expect(told.at(-1)).toContain(`account="other",mailbox="only",courier="graph"} ${5000 - mostAccounts}`);
  counters.message({ ...event, account: 'account-0' });
  expect((await lines('mailbridge_messages_total'))[0]).toMatch(/account="account-0".* 2$/);
});

test('codes that the other side makes up do not fill the memory', async () => {
  const { counters, lines } = counting();
  for (let i = 0; i < 500; i++) counters.throttled(`Code${i}`, 2000);
  expect(await lines('mailbridge_throttle_waits_total')).toHaveLength(51);
  expect(await lines('mailbridge_throttle_wait_seconds_total')).toContain(
    'mailbridge_throttle_wait_seconds_total{code="other"} 900',
  );
});

test('a hop that the clock makes negative took no time', async () => {
  const { counters, lines } = counting();
  counters.hop('wait', 'graph', -5000);
  counters.hop('wait', 'graph', 1500);
  const told = await lines('mailbridge_hop_seconds');
  expect(told).toContain('mailbridge_hop_seconds_sum{hop="wait",courier="graph"} 1.5');
  expect(told).toContain('mailbridge_hop_seconds_bucket{le="0.01",hop="wait",courier="graph"} 1');
});
