import { expect, onTestFinished, test } from 'vitest';
import { Mailbridge } from '../support/process.ts';

test('demo --once sends a message by each courier, reads each back by IMAP and POP3, and exits 0', async () => {
  const demo = Mailbridge.run(['demo', '--once']);
  onTestFinished(async () => void (await demo.kill()));
  const { code } = await demo.exit();
  expect(code, demo.stdout + demo.stderr).toBe(0);
  const ticks = demo.stdout.split('\n').filter((line) => line.startsWith('  ✓ '));
  const hops = [
    /SMTP with STARTTLS and AUTH to the bridge: accepted as \S+ \(.+ ms\)/,
    /bridge to .+: delivered to alice@contoso\.example \(.+ ms\)/,
    /IMAP through the bridge: read back, \d+ octets \(.+ ms\)/,
    /POP3 through the bridge: read back \(.+ ms\)/,
  ];
  expect(ticks).toEqual(
    [/Microsoft 365, simulated/, /mailbridge/, ...hops, ...hops].map((hop) => expect.stringMatching(hop)),
  );
  expect(demo.stdout).toContain('Microsoft Graph sendMail');
  expect(demo.stdout).toContain('Exchange Online SMTP, XOAUTH2');
  expect(demo.stdout).not.toContain('✗');
  expect(demo.stderr).toBe('');
});

test('demo stays up with settings that work, until it is stopped', async () => {
  const demo = Mailbridge.run(['demo']);
  onTestFinished(async () => void (await demo.kill()));
  await demo.text(/swaks/, 'the client settings');
  expect(demo.stdout).toMatch(/curl/);
  demo.signal('SIGTERM');
  expect(await demo.exit()).toEqual({ code: 0, signal: null });
});
