import { expect, test } from 'vitest';
import { workingSetup } from './setup.ts';

const reports = 'reports@contoso.example';
const alice = 'alice@contoso.example';

async function bothWays(send: unknown = ['graph', 'smtp']) {
  const setup = await workingSetup();
  setup.config.accounts = [
    { username: 'scanner', password: 'ganz-geheim-7', connection: 'contoso', mailbox: reports, send },
  ];
  return setup;
}

test.each([[['graph', 'smtp']], [['smtp', 'graph']], ['auto']])(
  'each courier of %j is tried, and sends a test message',
  async (send) => {
    const setup = await bothWays(send);
    const hops = await setup.check({ sendTestTo: [alice] });
    expect(hops.filter(({ status }) => status === 'failed')).toEqual([]);
    const mailboxes = hops.filter(({ hop }) => hop === 'mailbox').map(({ target }) => target);
    expect(mailboxes.sort()).toEqual([`${reports} by Graph, sending`, `${reports} by SMTP`]);
    const tests = hops.filter(({ hop }) => hop === 'test-message').map(({ target }) => target);
    expect(tests.sort()).toEqual([`scanner to ${alice} by Graph`, `scanner to ${alice} by SMTP`]);
    const vias = setup.simulator.transport.journal.entries().map(({ via }) => via);
    expect(vias.sort()).toEqual(['graph', 'smtp']);
  },
);

test('one that is not open fails the check, with its remedy and with what becomes of the mail', async () => {
  const setup = await bothWays();
  setup.simulator.tenant.exchange.smtpAuthDisabled = true;
  const [failed, ...others] = (await setup.check()).filter(({ status }) => status === 'failed');
  expect([failed?.code, others]).toEqual(['smtp-auth-disabled', []]);
  expect(failed?.remedy).toMatch(
    /^Set-CASMailbox .*\nscanner: until then, nothing takes over while Graph is unavailable/s,
  );

  const first = await bothWays(['smtp', 'graph']);
  first.simulator.tenant.exchange.smtpAuthDisabled = true;
  const [shut] = (await first.check()).filter(({ status }) => status === 'failed');
  expect(shut?.remedy).toContain('scanner: until then, Graph sends all of its mail.');
});

test('a permission that only the second one needs is missing', async () => {
  const setup = await bothWays();
  setup.simulator.tenant.app.roles.exchange = [];
  const failed = (await setup.check()).filter(({ status }) => status === 'failed');
  expect(failed.length).toBeGreaterThan(0);
  expect(failed.map(({ remedy }) => remedy).join()).toContain('scanner: until then, nothing takes over');
});
