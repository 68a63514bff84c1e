import { expect, test } from 'vitest';
import { settleTrial } from '../../../src/cli/sign-in/replacement.ts';
import { SignInOnTrial } from '../../../src/tokens/sign-ins/on-trial.ts';
import type { SignIn } from '../../../src/tokens/sign-ins/store.ts';
import { signInAtDevicePage } from '../../simulator/entra-browser.ts';
import { alice, bob, type LoginWorld, loginWorld, sealedText } from './login-world.ts';

/** Alice has signed in, and everything works. */
async function aliceSignedIn(accounts: readonly Record<string, unknown>[] = [{}]): Promise<LoginWorld> {
  const world = await loginWorld(accounts);
  expect(await world.logIn(alice)).toMatchObject({ code: 0, err: '' });
  return world;
}

/** The user whose token the connection gets. */
async function whoIsSignedIn(world: LoginWorld): Promise<string | undefined> {
  const { out } = await world.start(['check', '--json']).ended;
  const { hops } = JSON.parse(out) as { hops: { hop: string; detail?: string }[] };
  return hops.find(({ hop }) => hop === 'token')?.detail?.split(':')[0];
}

test('the wrong person, without a terminal: refused, and the sign-in that works stays', async () => {
  const world = await aliceSignedIn();
  const before = sealedText(world);
  const { code, out, err } = await world.logIn(bob);
  expect(sealedText(world)).toBe(before);
  expect([code, err]).toEqual([
    1,
    'mailbridge: bob@contoso.example has signed in, but connection "contoso" has a sign-in of alice@contoso.example that works. It is kept. Sign in as alice@contoso.example: mailbridge login contoso. To use the other one: mailbridge login contoso --replace. (sign-in-other-person)\n',
  ]);
  expect(out).toMatch(/^Sign in as alice@contoso\.example: open /);
  expect(await whoIsSignedIn(world)).toBe(alice);
});

test.each([
  ['n', 1, alice],
  ['', 1, alice],
  ['y', 0, bob],
])('at a terminal it is asked; %j ends with %i and a sign-in of %s', async (answer, code, signedIn) => {
  const world = await aliceSignedIn();
  const running = world.start(['login', '--no-check'], { terminal: true });
  await signInAtDevicePage(world.m365, await running.userCode(), bob);
  await running.until(
    /bob@\S+\s+has\s+signed\s+in,\s+but\s+connection\s+"contoso"\s+has\s+a\s+sign-in\s+of\s+alice@\S+\s+that\s+works\.\s+Replace\s+it/,
  );
  running.stdin.write(`${answer}\n`);
  expect((await running.ended).code).toBe(code);
  expect(await whoIsSignedIn(world)).toBe(signedIn);
});

test('--replace asks nothing, and tells who was replaced', async () => {
  const world = await aliceSignedIn();
  world.accounts[0]!.mailbox = bob;
  const running = world.start(['login', '--replace']);
  await signInAtDevicePage(world.m365, await running.userCode(), bob);
  const { code, out, err } = await running.ended;
  expect([code, err]).toEqual([0, expect.not.stringContaining('Replace')]);
  expect(out).toMatch(/^Sign in: open /);
  expect(out).toMatch(/\nThis replaces the sign-in of alice@contoso\.example\.\n$/);
  expect(await whoIsSignedIn(world)).toBe(bob);
});

test('even then a sign-in that works gives way only to one that works', async () => {
  const world = await aliceSignedIn();
  const before = sealedText(world);
  const { code, out, err } = await world.logIn(bob, '--replace');
  expect(code).toBe(1);
  expect(out).toMatch(/✗ mailbox +alice@contoso\.example by IMAP/);
  expect(err).toMatch(
    /^mailbridge: With this sign-in of bob@\S+ a hop fails, and with the sign-in of alice@\S+ none does: that one is kept\. Sign in as alice@.* \(sign-in-kept\)\n$/,
  );
  expect(await whoIsSignedIn(world)).toBe(alice);
  expect(before).not.toBe('');
});

test('the same person again, whose new sign-in is the worse one: what works stays', async () => {
  const [candidate, kept] = [new SignInOnTrial(), new SignInOnTrial()];
  const previous = { username: alice, msalCache: 'before' } as SignIn;
  await kept.replace(previous);
  await candidate.replace({ ...previous, msalCache: 'after' });
  const hops = { withCandidate: async () => false, withPrevious: async () => true };
  await expect(settleTrial('contoso', { candidate, kept, previous }, hops, () => {})).rejects.toThrow(
    /^With this sign-in of alice@contoso\.example a hop fails, and with the earlier sign-in none does: that one is kept\.$/,
  );
  expect(await kept.read()).toBe(previous);
});

test('where the earlier sign-in does not work either, the new one is kept', async () => {
  const world = await aliceSignedIn();
  const before = sealedText(world);
  Object.assign(world.m365.tenant.exchange, { imapDisabledFor: [alice] });
  const { code, out } = await world.logIn(alice);
  expect([code, out]).toEqual([
    1,
    expect.stringContaining('\nThe earlier sign-in does not work either: the new one is kept.\n'),
  ]);
  expect(sealedText(world)).not.toBe(before);
});

test('the same person again, and all is well: asked nothing, told nothing', async () => {
  const world = await aliceSignedIn();
  const before = sealedText(world);
  const { code, out } = await world.logIn(alice, '--json');
  expect([code, JSON.parse(out)]).toEqual([0, expect.objectContaining({ username: alice })]);
  expect(sealedText(world)).not.toBe(before);
});

test('a sign-in that has ended gives way to anybody', async () => {
  const world = await loginWorld();
  // Shorter than what counts as good enough: every use renews it.
  world.m365.tenant.tokenLifetimeSeconds = 60;
  await world.logIn(alice);
  world.m365.tenant.endSignIns(world.m365.tenant.users.get(alice)!);
  expect((await world.start(['check']).ended).code).toBe(1);
  const { code, out } = await world.logIn(bob, '--no-check');
  expect([code, out]).toEqual([0, expect.stringContaining('Signed in as bob@contoso.example')]);
});

test('a second person at the second consent is refused', async () => {
  const world = await loginWorld([{ read: 'imap', send: 'graph' }]);
  const running = world.start(['login', '--no-check']);
  await signInAtDevicePage(world.m365, await running.userCode(), alice);
  await signInAtDevicePage(world.m365, await running.userCode(1), bob);
  const { code, err } = await running.ended;
  expect([code, err]).toEqual([1, expect.stringContaining('alice@contoso.example signed in first, then bob@')]);
});
