import { readFileSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import { TokenSigner } from '../../src/simulator/entra/access-token.ts';
import { AuthorizationCodes } from '../../src/simulator/entra/people/authorization-codes.ts';
import { DeviceCodes } from '../../src/simulator/entra/people/device-codes.ts';
import { RefreshTokens } from '../../src/simulator/entra/people/refresh-tokens.ts';
import { behindShortAddress, FormBrowser, signInAtDevicePage } from '../simulator/entra-browser.ts';
import {
  alice,
  filesBelow,
  init,
  mailFlows,
  type OnboardingWorld,
  onboardingWorld,
  reports,
  runExchangeScript,
  shownCode,
} from '../support/onboarding-world.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** Every secret that the simulated Entra ID gives out during the test, collected where it is made. */
function watchSecrets(): { readonly count: () => number; all(): Promise<readonly string[]> } {
  const given: (string | Promise<string>)[] = [];
  const watch = <T extends object>(prototype: T, secretOf: (result: never) => string | Promise<string>) => {
    const original = (prototype as { issue: (...args: unknown[]) => unknown }).issue;
    vi.spyOn(prototype as { issue: (...args: unknown[]) => unknown }, 'issue').mockImplementation(function (
      this: unknown,
      ...args: unknown[]
    ) {
      const result = original.apply(this, args);
      given.push(secretOf(result as never));
      return result;
    });
  };
  watch(TokenSigner.prototype, (token: Promise<string>) => token);
  watch(RefreshTokens.prototype, (token: string) => token);
  watch(AuthorizationCodes.prototype, (code: string) => code);
  watch(DeviceCodes.prototype, ({ deviceCode }: { deviceCode: string }) => deviceCode);
  return { count: () => given.length, all: () => Promise.all(given) };
}

/** Files that exist to hold a secret and that nobody else can read. */
const secretFiles = /\.(key|secret|token)$/;

/** Looks for the secrets in everything that was printed and in every file but those made for them. */
async function expectNothingSecret(world: OnboardingWorld, secrets: readonly string[]): Promise<void> {
  const { m365, folder } = world;
  const credentials = [...m365.tenant.apps.values()].flatMap((app) => app.secrets.map(({ value }) => value));
  const files = filesBelow(folder);
  const kept = files.filter(({ path }) => secretFiles.test(path));
  expect(kept.filter(({ mode }) => mode !== 0o600)).toEqual([]);
  const open = files.filter(({ path }) => !secretFiles.test(path));
  const texts = [
    ['printed', world.printed()] as const,
    ...open.map(({ path }) => [path, readFileSync(path, 'latin1')] as const),
  ];
  for (const [where, text] of texts) {
    const found = [...secrets, ...credentials, m365.userPassword].filter((secret) => text.includes(secret));
    expect(found, where).toEqual([]);
    expect(/eyJ[\w-]+\./.exec(text)?.[0], where).toBeUndefined();
    expect(/PRIVATE KEY/.exec(text)?.[0], where).toBeUndefined();
  }
  // The sign-in is sealed: its file does not contain its tokens.
  for (const { path } of kept.filter(({ path }) => path.endsWith('.token'))) {
    const text = readFileSync(path, 'latin1');
    expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
    expect(text).not.toMatch(/eyJ/);
  }
}

test.each(['--secret', '--certificate'])('an app of its own with %s', { timeout: 120_000 }, async (kind) => {
  const secrets = watchSecrets();
  const world = await onboardingWorld();
  const login = await init(world, { use: 'both', mailbox: reports, 'sign-in': 'app', send: 'smtp' });
  await world.succeed(['register-app', kind], async (running) => {
    await signInAtDevicePage(world.m365, await shownCode(running), `admin@${world.m365.tenantDomain}`);
  });
  await runExchangeScript(world);
  await world.succeed(['check']);
  world.changeConfig((config) => ({ ...config, log: { level: 'trace', format: 'json' } }));
  await mailFlows(world, await world.start(), login, reports);
  // Failures print more than successes.
  for (const app of world.m365.tenant.apps.values()) {
    for (const secret of app.secrets) secret.expiresAt = 0;
    app.certificates.length = 0;
  }
  expect((await world.run(['check'])).code).toBe(1);
  expect((await world.run(['exchange-script'])).code).toBe(0);
  expect(secrets.count()).toBeGreaterThan(5);
  await expectNothingSecret(world, await secrets.all());
  // Shown by init, once.
  expect(world.printed().split(login.password)).toHaveLength(2);
});

test('a person who signs in by code and in a browser', { timeout: 120_000 }, async () => {
  const secrets = watchSecrets();
  const world = await onboardingWorld();
  const { m365 } = world;
  const login = await init(world, { use: 'both', mailbox: alice, 'sign-in': 'person', send: 'graph' });
  await world.succeed(['register-app'], async (running) => {
    await signInAtDevicePage(m365, await shownCode(running), `admin@${m365.tenantDomain}`);
  });
  m365.tenant.policies.deviceCodeBlocked = true;
  const blocked = await world.run(['login'], async (running) => {
    await signInAtDevicePage(m365, await shownCode(running), alice);
  });
  expect(blocked.code).toBe(1);
  m365.tenant.policies.deviceCodeBlocked = false;
  await world.succeed(['login'], async (running) => {
    await signInAtDevicePage(m365, await shownCode(running), alice);
  });
  // Shorter than what counts as good enough: every use renews it.
  m365.tenant.tokenLifetimeSeconds = 60;
  await world.succeed(['login', '--browser'], async (running) => {
    const link = /http:\/\/localhost:\d+\/\w+/;
    await running.text(link, 'the link');
    const browser = new FormBrowser(m365);
    await browser.open(await behindShortAddress(link.exec(running.stdout)?.[0] ?? ''));
    await browser.submit({ username: alice });
    await fetch(await browser.submitAndLeave({ password: m365.userPassword }));
  });
  world.changeConfig((config) => ({ ...config, log: { level: 'trace', format: 'json' } }));
  const bridge = await world.start();
  await mailFlows(world, bridge, login, alice);
  await bridge.kill();
  m365.tenant.endSignIns(m365.tenant.users.get(alice)!);
  expect((await world.run(['check'])).stdout).toContain('AADSTS50173');
  expect(secrets.count()).toBeGreaterThan(10);
  await expectNothingSecret(world, await secrets.all());
  expect(world.printed().split(login.password)).toHaveLength(2);
});
