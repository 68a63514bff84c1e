import { expect, test } from 'vitest';
import { FormBrowser, signInAtDevicePage } from '../simulator/entra-browser.ts';
import { needProgram } from '../support/external.ts';
import {
  alice,
  init,
  mailFlows,
  type OnboardingWorld,
  onboardingWorld,
  reports,
  runExchangeScript,
  shownCode,
} from '../support/onboarding-world.ts';
import type { Mailbridge } from '../support/process.ts';
import { chromiumPage, enterDeviceCode, followLink } from '../support/sign-in-browser.ts';

/** Somebody enters the code that a command shows, on another device. */
const entersCode = (world: OnboardingWorld, username: string) => async (running: Mailbridge) => {
  await signInAtDevicePage(world.m365, await shownCode(running), username, new FormBrowser(world.m365));
};

const administrator = (world: OnboardingWorld) => entersCode(world, `admin@${world.m365.tenantDomain}`);

const patience = { timeout: 120_000 };

test.each(['graph', 'smtp'])('an app of its own, sending by %s', patience, async (send) => {
  const world = await onboardingWorld();
  const login = await init(world, { use: 'both', mailbox: reports, 'sign-in': 'app', send });
  await world.succeed(['register-app'], administrator(world));
  await runExchangeScript(world, 'contoso');
  const { stdout } = await world.succeed(['check']);
  expect(stdout).toMatch(/\nMicrosoft's side works\. The bridge does not run; mailbridge start starts it\.\n$/);
  await mailFlows(world, await world.start(), login, reports);
});

test.for(['graph', 'smtp'])(
  'a person’s mailbox, sending by %s; signed in with Chromium',
  patience,
  async (send, context) => {
    needProgram(context, 'chromium');
    const world = await onboardingWorld();
    const { m365 } = world;
    const login = await init(world, { use: 'both', mailbox: alice, 'sign-in': 'person', send });
    await world.succeed(['register-app'], administrator(world));
    const { stdout } = await world.succeed(['login'], async (running) => {
      await enterDeviceCode(await chromiumPage(), m365, await shownCode(running), alice);
    });
    expect(stdout).toContain('✓ Signed in as alice@contoso.example');
    expect(stdout).toMatch(/\nMicrosoft's side works\. The bridge does not run; mailbridge start starts it\.\n$/);
    await world.succeed(['login', 'contoso', '--browser'], async (running) => {
      const link = /http:\/\/localhost:\d+\/\w+/;
      await running.text(link, 'the link');
      const shown = link.exec(running.stdout)?.[0] ?? '';
      expect(await followLink(await chromiumPage(), m365, shown, alice)).toContain(
        'alice@contoso.example has signed in to connection contoso',
      );
    });
    await world.succeed(['check']);
    await mailFlows(world, await world.start(), login, alice);
  },
);

test.each(['graph', 'smtp'])('a shared mailbox in a person’s name, sending by %s', patience, async (send) => {
  const world = await onboardingWorld();
  const login = await init(world, { use: 'both', mailbox: reports, 'sign-in': 'person', send });
  await world.succeed(['register-app', '--shared'], administrator(world));
  await runExchangeScript(world, 'contoso', '--user', alice);
  const { stdout } = await world.succeed(['login'], entersCode(world, alice));
  expect(stdout).toContain('! alice@contoso.example is not the owner of reports@contoso.example.');
  expect(stdout).not.toContain('Missing');
  await world.succeed(['check']);
  await mailFlows(world, await world.start(), login, reports);
});
