import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { type Clock, systemClock } from '../../../src/base/clock.ts';
import { runCheck } from '../../../src/cli/check/command.ts';
import { type Setup, workingSetup } from '../../onboarding/check/setup.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { commandOutput } from '../../support/secret-search/command-output.ts';
import { mailbridge } from '../harness.ts';

const check = (setup: Setup, ...args: string[]) => mailbridge(['check', '--config', setup.write(), ...args]);

/** The lines of hops without their times, which differ. */
const withoutTimes = (out: string) => out.replace(/ +\d+ ms/g, '');

test('everything works: a line for each account, and no colour where there is no terminal', async () => {
  const { code, out, err } = await check(await workingSetup());
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toBe(`✓ connection contoso
  ✓  scanner  reports@contoso.example  sends by Graph
  ✓  erp      reports@contoso.example  sends by SMTP
  ✓  alice    alice@contoso.example    reads by IMAP
  ✓  bob      bob@contoso.example      reads by POP3

– bridge does not run; queue: empty

Microsoft's side works. The bridge does not run; mailbridge start starts it.
`);
});

test('--verbose: a line for each hop besides, aligned', async () => {
  const setup = await workingSetup();
  const { code, out, err } = await check(setup, '--verbose');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(/^connection contoso\n {2}✓ configuration {2,}\d+ ms\n/);
  const hops = out.split('\n').filter((line) => /^ {2}[✓✗–] /u.test(line));
  expect(hops.filter((line) => line.includes('✗'))).toEqual([]);
  expect(new Set(hops.filter((line) => / ms/.test(line)).map((line) => line.indexOf(' ms'))).size).toBe(1);
  expect(out).toMatch(/✓ tls +IMAP 127\.0\.0\.1:\d+ +\d+ ms {2}TLSv1\.3, certificate by Simulated Microsoft 365 until/);
  expect(out).toMatch(/✓ token +Exchange Online +\d+ ms {2}IMAP\.AccessAsApp, POP\.AccessAsApp, SMTP\.SendAsApp\n/);
  expect(out).toMatch(/✓ mailbox +alice@contoso\.example by IMAP +\d+ ms {2}0 messages\n/);
  expect(out).toContain('\nbridge\n  – bridge ');
  expect(out).toMatch(
    /\n {2}✓ queue +\d+ ms {2}empty\n\n[\s\S]*\nMicrosoft's side works\. The bridge does not run; mailbridge start starts it\.\n$/,
  );
  expect(out).not.toContain('\u001b');
});

test('--bridge: one that does not run is a failure, for programs that watch', async () => {
  const setup = await workingSetup();
  const { code, out } = await check(setup, '--bridge', '--json');
  const { ok, hops } = JSON.parse(out) as { ok: boolean; hops: Record<string, unknown>[] };
  expect([code, ok]).toEqual([1, false]);
  expect(hops.filter(({ status }) => status === 'failed')).toEqual([
    {
      hop: 'bridge',
      target: '',
      status: 'failed',
      ms: expect.any(Number),
      code: 'bridge-not-running',
      cause: 'The bridge does not run.',
      remedy: 'Start it: mailbridge start',
    },
  ]);
});

test('what is broken stands at the end, whole, with the remedy; what needs it is not tried', async () => {
  const setup = await workingSetup();
  setup.config.connections.contoso.clientSecret = 'wrong~secret';
  const { code, out } = await check(setup, 'alice');
  expect(code).toBe(1);
  expect(out).toMatch(
    /^✗ connection contoso\n {2}– {2}alice {2}alice@contoso\.example {2}reads by IMAP: not tried\n\n/,
  );
  expect(out).toContain(
    '\n✗ token Exchange Online (connection contoso)\n  Microsoft Entra ID refuses connection "contoso" a token.',
  );
  expect(out).toMatch(/\n {2}→ Put the Value of the secret into clientSecret, not its Secret ID\./);
  expect(out).toMatch(/\n {4}\(token-refused, AADSTS7000215\)\n\n1 hop fails\.\n$/);
  expect((await check(setup, 'alice', '--verbose')).out).toMatch(
    /– mailbox +alice@contoso\.example by IMAP +not tried: token Exchange Online failed\n/,
  );
});

test('an account of which one thing fails says which, and the others are well', async () => {
  const setup = await workingSetup();
  setup.simulator.tenant.exchange.imapDisabledFor = ['alice@contoso.example'];
  const { out } = await check(setup);
  expect(out).toMatch(/^✓ connection contoso\n {2}✓ {2}scanner/);
  expect(out).toMatch(/\n {2}✗ {2}alice {4}alice@contoso\.example {4}reads by IMAP: mailbox fails\n/);
  expect(out).toMatch(/\n✗ mailbox alice@contoso\.example by IMAP \(of alice\)\n/);
});

test('--json is one object with every hop', async () => {
  const setup = await workingSetup();
  setup.simulator.tenant.exchange.imapDisabledFor = ['alice@contoso.example'];
  const { code, out } = await check(setup, '--json');
  expect(code).toBe(1);
  const { ok, hops } = JSON.parse(out) as { ok: boolean; hops: Record<string, unknown>[] };
  expect(ok).toBe(false);
  expect(hops.filter(({ status }) => status === 'failed')).toEqual([
    {
      connection: 'contoso',
      account: 'alice',
      mailbox: 'alice@contoso.example',
      hop: 'mailbox',
      target: 'alice@contoso.example by IMAP',
      status: 'failed',
      ms: expect.any(Number),
      code: 'mailbox-not-connected',
      said: expect.stringContaining('User is authenticated but not connected'),
      cause: expect.stringContaining('IMAP is switched off'),
      remedy: 'Set-CASMailbox alice@contoso.example -ImapEnabled $true',
      spreading: true,
    },
  ]);
});

test('a name confines it to one account or one connection', async () => {
  const setup = await workingSetup();
  const targets = async (name: string) => {
    const { hops } = JSON.parse((await check(setup, name, '--json')).out) as {
      hops: { hop: string; target: string }[];
    };
    return hops.filter(({ hop }) => hop === 'mailbox').map(({ target }) => target);
  };
  expect(await targets('BOB')).toEqual(['bob@contoso.example by POP3']);
  expect(await targets('contoso')).toHaveLength(4);
  expect(await check(setup, 'nobody')).toMatchObject({
    code: 2,
    err: expect.stringContaining('There is no connection and no account "nobody". The connections are: contoso.'),
  });
});

test('each mailbox of an account has a line; of a pattern those that --mailbox names are tried', async () => {
  const setup = await workingSetup();
  const [{ mailbox: _, ...account }] = setup.config.accounts as [Record<string, unknown>];
  setup.config.accounts = [
    { ...account, username: 'desk', mailboxes: ['reports@contoso.example', 'bob@contoso.example'] },
    { ...account, username: '*@contoso.example', read: 'imap' },
  ];
  setup.simulator.tenant.exchange.imapDisabledFor = ['alice@contoso.example'];
  const { code, out } = await check(setup);
  expect(out).toMatch(
    /^✓ connection contoso\n {2}✓ {2}desk {15}reports@contoso\.example {2}sends by Graph\n {2}✓ {2}desk {15}bob@contoso\.example {6}sends by Graph\n {2}– {2}\*@contoso\.example {2}\*@contoso\.example {8}sends by Graph, reads by IMAP: not tried: mailbridge check contoso --mailbox ADDRESS tries one\n/,
  );
  expect(code).toBe(0);
  const verbose = await check(setup, '--verbose');
  expect(verbose.out).toMatch(
    /– mailbox +\*@contoso\.example +not tried: mailbridge check contoso --mailbox ADDRESS tries one\n/,
  );
  const named = await check(setup, '--mailbox', 'ALICE@contoso.example', '--mailbox', 'bob@contoso.example');
  expect(named.out).toContain('  alice@contoso.example    sends by Graph, reads by IMAP: mailbox fails\n');
  expect(named.out).toMatch(/✓ {2}\*@contoso\.example {2}bob@contoso\.example {6}sends by Graph, reads by IMAP\n/);
  expect(named.out).not.toContain('not tried');
  expect(named.code).toBe(1);
  expect(await check(setup, '--mailbox', 'ann@example.org')).toMatchObject({
    code: 2,
    err: expect.stringContaining('No account that is checked has the mailbox ann@example.org.'),
  });
});

test('--send-test sends one message of an account with many mailboxes, as the default one', async () => {
  const setup = await workingSetup();
  const [account] = setup.config.accounts as [Record<string, unknown>];
  setup.config.accounts = [{ ...account, mailboxes: ['bob@contoso.example'] }];
  expect((await check(setup, '--send-test', 'alice@contoso.example')).code).toBe(0);
  expect(setup.simulator.transport.journal.entries().map(({ mailbox }) => mailbox)).toEqual([
    'reports@contoso.example',
  ]);
});

test('--send-test really sends, from every account that can, and nothing else is sent', async () => {
  const setup = await workingSetup();
  const { transport } = setup.simulator;
  await check(setup);
  expect(transport.journal.entries()).toHaveLength(0);
  const { code, out } = await check(
    setup,
    '--verbose',
    '--send-test',
    'bob@contoso.example',
    '--send-test',
    'ann@example.org',
  );
  expect(code).toBe(0);
  expect(out).toMatch(
    /✓ test-message +scanner to bob@contoso\.example, ann@example\.org +\d+ ms {2}accepted by Microsoft/,
  );
  expect(out).toMatch(/✓ test-message +erp to /);
  expect(transport.journal.entries()).toHaveLength(2);
});

test('a test message that is refused says what Microsoft said', async () => {
  const setup = await workingSetup();
  const { code, out } = await check(setup, 'scanner', '--send-test', 'bob@contoso.example');
  expect(code, out).toBe(0);
  const text = '4.3.2 Try later';
  setup.simulator.faults.add({ target: 'smtp', kind: 'reply', status: 451, code: '4.3.2', text, at: 'data' }, 10);
  const refused = await check(setup, 'erp', '--send-test', 'bob@contoso.example');
  expect(refused.code).toBe(1);
  expect(refused.out).toMatch(
    /✗ test-message[\s\S]*did not accept the test message.*4\.3\.2[\s\S]*test-message-refused/,
  );
});

test.each([
  [['--send-test', 'bob'], '--send-test needs an address, not "bob".'],
  [['one', 'two'], '"check" takes one name, but was given "two" too.'],
  [['--nonsense'], "Unknown option '--nonsense'"],
])('%j is wrong usage', async (args, message) => {
  const setup = await workingSetup();
  expect(await check(setup, ...args)).toMatchObject({ code: 2, out: '', err: expect.stringContaining(message) });
});

/** Starts a check that waits. */
function waiting(setup: Setup, clock: Clock, ...args: string[]) {
  const { stdout, stderr } = commandOutput(['check', '--wait', ...args]);
  let shown = '';
  stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
  });
  const io = { stdin: new PassThrough(), stdout, stderr, env: {} };
  const ended = runCheck(['--config', setup.write(), '--wait', ...args], io, clock);
  const until = async (wanted: RegExp) => {
    while (!wanted.test(shown)) await new Promise((resolve) => setImmediate(resolve));
  };
  return { ended, until, shown: () => shown };
}

test('--wait tries again every minute while a permission spreads, tells what changed, and sends a test once', async () => {
  const setup = await workingSetup();
  const { tenant, transport } = setup.simulator;
  tenant.exchange.imapDisabledFor = ['alice@contoso.example'];
  const clock = new FakeClock(Date.now());
  const { ended, until, shown } = waiting(setup, clock, '--send-test', 'bob@contoso.example');
  await until(/Trying again/);
  const sent = transport.journal.entries().length;
  expect(shown()).toMatch(/1 of \d+ hops fails; Microsoft may need up to two hours\./);
  await clock.advance(60_000);
  await until(/Trying again[\s\S]*Trying again/);
  tenant.exchange.imapDisabledFor = [];
  await clock.advance(60_000);
  expect(await ended).toBe(0);
  const [, , afterwards = ''] = shown().split(/Trying again.*\n/);
  expect(withoutTimes(afterwards)).toMatch(
    /^connection contoso\n {2}✓ mailbox +alice@contoso\.example by IMAP {2}0 messages\n\n✓ connection contoso\n[\s\S]*\n\nMicrosoft's side works\./,
  );
  expect(transport.journal.entries()).toHaveLength(sent);
});

test('--wait ends at once when time mends nothing, and after two hours in any case', async () => {
  const wrong = await workingSetup();
  wrong.config.connections.contoso.clientSecret = 'wrong~secret';
  const atOnce = waiting(wrong, systemClock);
  expect(await atOnce.ended).toBe(1);
  expect(atOnce.shown()).toMatch(/\nWaiting does not cure this: token Microsoft Graph\. Put the Value of the secret/);

  const setup = await workingSetup();
  setup.config.accounts = setup.config.accounts.filter(({ read }) => read === 'imap');
  setup.simulator.tenant.exchange.imapDisabledFor = ['alice@contoso.example'];
  const { clock, minutes } = impatient();
  const { ended, shown } = waiting(setup, clock);
  expect(await ended).toBe(1);
  expect(minutes).toEqual(Array(120).fill(1));
  expect(shown()).toMatch(/\nIt has not come within two hours: mailbox alice@contoso\.example by IMAP\. /);
  expect(shown()).toMatch(/1 hop fails/);
}, 120_000);

test('--wait gives what Entra ID hands on a quarter of an hour, and no more', async () => {
  const setup = await workingSetup();
  setup.config.accounts = setup.config.accounts.filter(({ read }) => read === 'imap');
  setup.simulator.tenant.app.roles.exchange = [];
  const { clock, minutes } = impatient();
  const { ended, shown } = waiting(setup, clock);
  expect(await ended).toBe(1);
  expect(minutes).toEqual(Array(15).fill(1));
  expect(shown()).toContain('Microsoft may need up to 15 minutes. Trying again');
  expect(shown()).toMatch(/\nIt has not come within 15 minutes: permission IMAP\.AccessAsApp\. /);
}, 120_000);

/** A clock whose minutes pass at once. */
function impatient(): { readonly clock: Clock; readonly minutes: number[] } {
  const minutes: number[] = [];
  const clock: Clock = {
    now: () => Date.now(),
    after(delayMs, callback) {
      minutes.push(delayMs / 60_000);
      setImmediate(callback);
      return () => {};
    },
  };
  return { clock, minutes };
}

test('colour is for terminals', async () => {
  const setup = await workingSetup();
  const run = async (env: Record<string, string>) => {
    const output = commandOutput(['check', 'bob']);
    const stdout = Object.assign(output.stdout, { isTTY: true });
    const printed = text(stdout);
    await runCheck(['--config', setup.write(), 'bob'], {
      stdin: new PassThrough(),
      stdout,
      stderr: output.stderr,
      env,
    });
    stdout.end();
    return printed;
  };
  expect(await run({})).toContain('\u001b[32m✓\u001b[39m');
  expect(await run({ NO_COLOR: '1' })).not.toContain('\u001b');
});
