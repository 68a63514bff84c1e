import { Server } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { listenForRedirect } from '../../src/onboarding/loopback-redirect.ts';
import { freePorts } from '../support/ports.ts';

afterEach(() => vi.restoreAllMocks());

/** What the system reports for `::1`, call by call. @returns the ports that were asked for there */
function ipv6Says(...codes: string[]): number[] {
  const asked: number[] = [];
  const listen = Server.prototype.listen;
  vi.spyOn(Server.prototype, 'listen').mockImplementation(function (this: Server, ...given: unknown[]) {
    const [port, host] = given as [number, string];
    if (host !== '::1') return listen.apply(this, given as never) as Server;
    asked.push(port);
    const code = codes.shift();
    setImmediate(() => this.emit('error', Object.assign(new Error(code), { code })));
    return this;
  });
  return asked;
}

test.each(['EADDRNOTAVAIL', 'EAFNOSUPPORT'])(
  'a machine without IPv6 (%s) is listened to by IPv4 alone',
  async (code) => {
    const asked = ipv6Says(code);
    const redirect = await listenForRedirect(0);
    expect(redirect.redirectUri).toBe(`http://localhost:${asked[0]}`);
    expect((await fetch(`http://127.0.0.1:${asked[0]}/`)).status).toBe(404);
    await redirect.close();
  },
);

test('a port that somebody else has at ::1 is left to them: their page could take the answer', async () => {
  const asked = ipv6Says('EADDRINUSE', 'EADDRINUSE', 'EADDRNOTAVAIL');
  const redirect = await listenForRedirect(0);
  expect(asked.length).toBe(3);
  expect(redirect.redirectUri).toBe(`http://localhost:${asked[2]}`);
  await redirect.close();
});

test.each(['EADDRINUSE', 'EACCES'])('one that was asked for is refused (%s), and not kept', async (code) => {
  const port = await freePorts();
  ipv6Says(code, 'EADDRNOTAVAIL');
  const expected = code === 'EADDRINUSE' ? 'port-in-use' : 'listen-failed';
  await expect(listenForRedirect(port)).rejects.toMatchObject({ code: expected });
  await (await listenForRedirect(port)).close();
});
