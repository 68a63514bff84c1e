import { expect, test } from 'vitest';
import { appsNamed, registrationWorld } from './registration-world.ts';

/** Enough to get past the last request of a registration. */
const mostRequests = 30;

test.each([
  ['before a request has any effect', 'cut-before'],
  ['after a request took effect and before its answer', 'cut-after'],
] as const)(
  'a registration cut %s is completed by the next run, wherever it was cut',
  { timeout: 180_000 },
  async (_, kind) => {
    for (let requests = 0; ; requests++) {
      expect(requests).toBeLessThan(mostRequests);
      const world = await registrationWorld();
      const { faults, tenant } = world.m365;
      if (requests > 0) faults.add({ target: 'graph', kind: 'delay', delayMs: 0 }, requests);
      faults.add({ target: 'graph', kind });
      const cut = await world.run('register-app');
      if (cut.code === 0) return;
      faults.clear();
      const { code, stderr } = await world.run('register-app');
      expect({ requests, code, stderr }).toEqual({ requests, code: 0, stderr: '' });
      const [app, ...others] = appsNamed(world, 'mailbridge contoso');
      expect({ requests, others, exchange: app?.roles.exchange, certificates: app?.certificates.length }).toEqual({
        requests,
        others: [],
        exchange: ['IMAP.AccessAsApp'],
        certificates: 1,
      });
      expect(world.readConfig().connections.contoso?.clientId).toBe(app?.clientId);
      expect(tenant.apps.size).toBe(3);
    }
  },
);

test('a secret whose making was cut is made again, and the lost one named', async () => {
  const world = await registrationWorld({
    onOutput: (text, { m365 }) => {
      // The next request but one is addPassword.
      if (!text.includes('added admin consent')) return;
      m365.faults.add({ target: 'graph', kind: 'delay', delayMs: 0 });
      m365.faults.add({ target: 'graph', kind: 'cut-after' });
    },
  });
  expect((await world.run('register-app', '--secret')).code).toBe(1);
  const { code, stdout } = await world.run('register-app', '--secret');
  expect(code).toBe(0);
  expect(stdout).toContain('left alone: 1 more secret or certificate');
  expect(appsNamed(world, 'mailbridge contoso')[0]?.secrets).toHaveLength(2);
});
