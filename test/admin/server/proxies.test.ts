import { expect, test } from 'vitest';
import { adminWorld, bearer } from '../admin-world.ts';

/** The origin of a change, as the audit log records it. */
async function toldAddress(forwardedFor: string, trustedProxies?: readonly string[]): Promise<string | undefined> {
  const world = await adminWorld({ settings: { trustedProxies } });
  const call: typeof world.call = (path, init) =>
    world.call(path, { ...init, headers: { ...init?.headers, 'X-Forwarded-For': forwardedFor } });
  await bearer({ call })('POST', '/connections/contoso/check');
  const answer = await bearer(world)('GET', '/audit');
  const { entries } = (await answer.json()) as { entries: { readonly address: string }[] };
  return entries[0]?.address;
}

test('whoever connects cannot say that they come from elsewhere', async () => {
  expect(await toldAddress('203.0.113.7')).toBe('127.0.0.1');
  expect(await toldAddress('203.0.113.7', ['192.0.2.0/24'])).toBe('127.0.0.1');
});

test('a proxy that is trusted says where they come from: the last address that is none of a proxy', async () => {
  const proxies = ['127.0.0.0/8', '192.0.2.0/24'];
  expect(await toldAddress('203.0.113.7', proxies)).toBe('203.0.113.7');
  expect(await toldAddress('198.51.100.1, 203.0.113.7, 192.0.2.9', proxies)).toBe('203.0.113.7');
});

test('the Host header itself is looked at, not the name that a proxy tells', async () => {
  const world = await adminWorld({ settings: { trustedProxies: ['127.0.0.1'] } });
  const answer = await world.call('/ui/', { headers: { 'X-Forwarded-Host': 'attacker.example' } });
  expect(answer.status).toBe(200);
});
