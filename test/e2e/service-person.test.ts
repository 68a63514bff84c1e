import { chmodSync, chownSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createTransport } from 'nodemailer';
import { expect, test } from 'vitest';
import { FormBrowser, signInAtDevicePage } from '../simulator/entra-browser.ts';
import {
  alice,
  init,
  type OnboardingWorld,
  onboardingWorld,
  reports,
  runExchangeScript,
  mailFlows as sendsAndReads,
  shownCode,
} from '../support/onboarding-world.ts';
import type { Mailbridge } from '../support/process.ts';
import { until } from '../support/relay.ts';
import { giveToService, needRoot, openToOthers, serviceUser, strangersIn } from '../support/service-user.ts';

const administrator = (world: OnboardingWorld) => async (running: Mailbridge) => {
  await signInAtDevicePage(
    world.m365,
    await shownCode(running),
    `admin@${world.m365.tenantDomain}`,
    new FormBrowser(world.m365),
  );
};

/** An empty folder of the service's user, and a tenant that knows nothing of mailbridge. */
async function serviceWorld(): Promise<OnboardingWorld> {
  const world = await onboardingWorld();
  giveToService(join(world.folder, 'cloud.json'));
  giveToService(world.folder);
  chmodSync(world.folder, 0o700);
  chmodSync(dirname(world.m365.endpoints.caFile), 0o755);
  return world;
}

/** Sends a message through the bridge, and waits until it has arrived at Microsoft. */
async function mailFlows(
  world: OnboardingWorld,
  bridge: Mailbridge,
  login: { readonly username: string; readonly password: string },
): Promise<void> {
  const before = world.m365.transport.journal.count;
  const transport = createTransport({
    host: '127.0.0.1',
    port: bridge.port(0),
    requireTLS: true,
    tls: { rejectUnauthorized: false },
    auth: { user: login.username, pass: login.password },
  });
  await transport.sendMail({ from: reports, to: reports, subject: 'from the service', text: 'Hello.\n' });
  transport.close();
  await until('the message at Microsoft', async () => world.m365.transport.journal.count > before || undefined);
}

/** Everything in the folder belongs to the service, and nobody else can read it. */
function assertOwned(world: OnboardingWorld): void {
  expect({ strangers: strangersIn(world.folder), open: openToOthers(world.folder) }).toEqual({
    strangers: [],
    open: [],
  });
}

const patience = { timeout: 180_000 };

test('from an empty folder to mail that flows, as root and as the service’s user', patience, async (context) => {
  needRoot(context);
  const world = await serviceWorld();
  // root sets it up …
  const login = await init(world, { use: 'send', mailbox: reports, 'sign-in': 'app', send: 'graph' });
  await world.succeed(['register-app'], administrator(world));
  assertOwned(world);
  await runExchangeScript(world, 'contoso');
  expect((await world.succeed(['check'])).stdout).toMatch(/\nMicrosoft's side works\. The bridge does not run;/);
  assertOwned(world);
  // … and runs it once, to see whether it works.
  const tried = await world.start();
  expect(tried.lines.find(({ user }) => user !== undefined)?.msg).toContain('runs as the user 54320');
  await mailFlows(world, tried, login);
  tried.signal('SIGTERM');
  expect((await tried.exit()).code).toBe(0);
  assertOwned(world);
  // The service continues with what root left.
  world.user = serviceUser;
  await world.succeed(['register-app', '--rotate'], administrator(world));
  expect((await world.succeed(['check'])).stdout).toMatch(/\nMicrosoft's side works\. The bridge does not run;/);
  for (const _ of ['start', 'restart']) {
    const bridge = await world.start();
    await mailFlows(world, bridge, login);
    bridge.signal('SIGTERM');
    expect((await bridge.exit()).code).toBe(0);
    assertOwned(world);
  }
  world.user = undefined;
  await world.succeed(['queue', 'list']);
  assertOwned(world);
  // An upgrade finds the queue as the first version left it.
  leaveQueueOfFormat1(world);
  world.user = serviceUser;
  const upgraded = await world.start();
  await mailFlows(world, upgraded, login);
  upgraded.signal('SIGTERM');
  expect((await upgraded.exit()).code).toBe(0);
  const { stdout } = await world.succeed(['queue', 'list', '--state', 'held', '--json']);
  expect(stdout).toContain('"erp"');
  assertOwned(world);
});

test(
  'a person’s mail program: root and the service’s user set up, sign in and start again',
  patience,
  async (context) => {
    needRoot(context);
    for (const user of [undefined, serviceUser]) {
      const world = await serviceWorld();
      world.user = user;
      const login = await init(world, { use: 'both', mailbox: alice, 'sign-in': 'person', send: 'smtp' });
      await world.succeed(['register-app'], administrator(world));
      await world.succeed(['login'], async (running) => {
        await signInAtDevicePage(world.m365, await shownCode(running), alice, new FormBrowser(world.m365));
      });
      expect((await world.succeed(['check'])).stdout).toMatch(/\nMicrosoft's side works\. The bridge does not run;/);
      for (const _ of ['start', 'restart']) {
        const bridge = await world.start();
        await sendsAndReads(world, bridge, login, alice);
        bridge.signal('SIGTERM');
        expect((await bridge.exit()).code).toBe(0);
        assertOwned(world);
      }
    }
  },
);

/** Without its waiting messages: they are as old as its version. */
function leaveQueueOfFormat1({ folder }: OnboardingWorld): void {
  const queue = join(folder, 'data', 'queue');
  for (const name of readdirSync(queue).filter((each) => each.startsWith('queue.sqlite'))) rmSync(join(queue, name));
  const file = join(queue, 'queue.sqlite');
  const db = new DatabaseSync(file);
  db.exec(readFileSync(join(import.meta.dirname, '../queue/stores/sqlite/queue-format-1.sql'), 'utf8'));
  db.exec(`DELETE FROM messages WHERE state = 'queued'`);
  db.close();
  chmodSync(file, 0o600);
  chownSync(file, serviceUser.uid, serviceUser.gid);
}

test(
  'a configuration of root’s: root’s rewrite keeps owner, group and mode; the service is told before anybody signs in',
  patience,
  async (context) => {
    needRoot(context);
    const world = await serviceWorld();
    await init(world, { use: 'send', mailbox: reports, 'sign-in': 'app', send: 'graph' });
    const file = join(world.folder, 'config.json');
    chownSync(world.folder, 0, serviceUser.gid);
    chmodSync(world.folder, 0o750);
    chownSync(file, 0, serviceUser.gid);
    chmodSync(file, 0o640);
    const config = JSON.parse(readFileSync(file, 'utf8')) as object;
    const dataDir = join(world.folder, 'data');
    writeFileSync(file, JSON.stringify({ ...config, dataDir }));

    world.user = serviceUser;
    const refused = await world.run(['register-app']);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toMatch(/config\.json belongs to root.*sudo.*\(file-not-written\)\n$/);
    expect([...world.m365.tenant.apps.values()].map(({ displayName }) => displayName)).not.toContain(
      'mailbridge contoso',
    );

    world.user = undefined;
    await world.succeed(['register-app'], administrator(world));
    for (const name of readdirSync(world.folder).filter((each) => each.startsWith('config.json'))) {
      const { uid, gid, mode } = statSync(join(world.folder, name));
      expect({ name, uid, gid, mode: mode & 0o777 }).toEqual({ name, uid: 0, gid: serviceUser.gid, mode: 0o640 });
    }
  },
);

test(
  'what a start as root of an earlier version has left is refused in one line, with the command that repairs it',
  patience,
  async (context) => {
    needRoot(context);
    const world = await serviceWorld();
    await init(world, { use: 'send', mailbox: reports, 'sign-in': 'app', send: 'graph' });
    await world.succeed(['register-app'], administrator(world));
    world.user = serviceUser;
    const bridge = await world.start();
    bridge.signal('SIGTERM');
    await bridge.exit();
    const reserve = join(world.folder, 'data', 'queue', 'reserve');
    chownSync(reserve, 0, 0);
    const { code, stderr } = await world.run(['start']);
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /^mailbridge: \S+reserve belongs to root, .*sudo chown -R 54320: \S+data, .*\(data-folder-unusable\)\n$/,
      ),
    });
    rmSync(reserve);
  },
);

test('certificates of earlier tries are offered for removal, and those of others stay', patience, async (context) => {
  needRoot(context);
  const world = await serviceWorld();
  await init(world, { use: 'send', mailbox: reports, 'sign-in': 'app', send: 'graph' });
  const app = () =>
    [...world.m365.tenant.apps.values()].find(({ displayName }) => displayName === 'mailbridge contoso');
  await world.succeed(['register-app'], administrator(world));
  // Its files are lost.
  rmSync(join(world.folder, 'data'), { recursive: true });
  const again = await world.succeed(['register-app'], administrator(world));
  expect(again.stdout).toContain('1 more certificate of an earlier try is in the app registration.');
  expect(app()?.certificates).toHaveLength(2);
  const removing = await world.succeed(['register-app', '--remove-orphans'], administrator(world));
  expect(removing.stdout).toContain('✓ removed a certificate of earlier tries');
  expect(app()?.certificates).toHaveLength(1);
  expect((await world.succeed(['register-app'], administrator(world))).stdout).not.toContain('earlier try');
});
