import { expect, test } from 'vitest';
import { AdminSessions } from '../../../src/admin/access/sessions.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const anna = { user: 'anna@contoso.com', role: 'view', by: 'oidc' } as const;
const hourMs = 3_600_000;

test('there are 1,000 sessions at most: the one used longest ago makes way', () => {
  const sessions = new AdminSessions(new FakeClock());
  const first = sessions.begin(anna);
  const second = sessions.begin(anna);
  for (let count = 2; count < 1_000; count++) sessions.begin(anna);
  expect(sessions.use(first.id)).toBe(first.session);
  sessions.begin(anna);
  expect(sessions.size).toBe(1_000);
  expect(sessions.use(first.id)).toBe(first.session);
  expect(sessions.use(second.id)).toBeUndefined();
  sessions.close();
  expect(sessions.size).toBe(0);
});

test('a sign-in by Entra ID ends after 12 hours, however much it is used', async () => {
  const clock = new FakeClock();
  const sessions = new AdminSessions(clock);
  const { id } = sessions.begin(anna);
  await clock.advance(11 * hourMs);
  expect(sessions.use(id)).toBeDefined();
  await clock.advance(hourMs);
  expect(sessions.use(id)).toBeUndefined();
});

test('what waits for the end of a session is told once, whatever ends it', async () => {
  const clock = new FakeClock();
  const sessions = new AdminSessions(clock);
  const told: string[] = [];
  const [out, over] = [sessions.begin(anna), sessions.begin(anna)];
  sessions.onEnd(out.session, () => told.push('signed out'));
  sessions.onEnd(over.session, () => told.push('over'));
  sessions.onEnd(over.session, () => told.push('nobody listens any more'))();
  sessions.end(out.id);
  sessions.end(out.id);
  expect(told).toEqual(['signed out']);
  await clock.advance(12 * hourMs + 60_000);
  expect(told).toEqual(['signed out', 'over']);
  expect([sessions.size, sessions.lasts(over.session)]).toEqual([0, false]);
  sessions.onEnd(over.session, () => told.push('too late'));
  expect(told.at(-1)).toBe('too late');
});

test('the id of a session is not found by a part of it, nor by nothing', () => {
  const sessions = new AdminSessions(new FakeClock());
  const { id } = sessions.begin(anna);
  for (const wrong of ['', id.slice(0, -1), `${id}x`, id.toLowerCase(), '__proto__']) {
    if (wrong !== id) expect(sessions.use(wrong)).toBeUndefined();
  }
});
