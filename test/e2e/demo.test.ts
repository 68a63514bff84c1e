import { createTransport } from 'nodemailer';
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
  const twoMailboxes = ['reports', 'bob'].flatMap((name) => [
    new RegExp(`SMTP as demo, MAIL FROM:<${name}@contoso.example>: accepted as \\S+ `),
    new RegExp(`bridge to Microsoft Graph sendMail: sent as ${name}@contoso.example `),
  ]);
  const readBack = [
    /IMAP as demo\/bob@contoso\.example: read what reports@contoso\.example wrote /,
    /POP3 as demo: read what bob@contoso\.example wrote /,
  ];
  expect(ticks).toEqual(
    [/Microsoft 365, simulated/, /mailbridge/, ...hops, ...hops, ...twoMailboxes, ...readBack].map((hop) =>
      expect.stringMatching(hop),
    ),
  );
  expect(demo.stdout).toContain('Microsoft Graph sendMail');
  expect(demo.stdout).toContain('Exchange Online SMTP, XOAUTH2');
  expect(demo.stdout).not.toContain('✗');
  expect(demo.stderr).toBe('');
});

test('demo stays up with settings that work, until it is stopped', async () => {
  const demo = Mailbridge.run(['demo']);
  onTestFinished(async () => void (await demo.kill()));
  await demo.text(/swaks[\s\S]*curl/, 'the client settings');
  const [, origin, token] = /(http:\/\/127\.0\.0\.1:\d+)\/ui\/#token=(\S+)/.exec(demo.stdout) ?? [];
  const overview = await fetch(`${origin}/api/v1/overview`, { headers: { Authorization: `Bearer ${token}` } });
  expect(await overview.json()).toMatchObject({ connections: [{ name: 'demo', state: 'ok' }] });
  const port = Number(/SMTP +(\d+)/.exec(demo.stdout)?.[1]);
  const transport = createTransport({
    host: '127.0.0.1',
    port,
    tls: { rejectUnauthorized: false },
    auth: { user: 'scanner', pass: 'demo-password' },
  });
  await transport.sendMail({ from: 'reports@contoso.example', to: 'alice@contoso.example', text: 'From a visitor.\n' });
  await demo.text(
    /✓ accepted from scanner: reports@contoso\.example to alice@contoso\.example, \d+ bytes, as (\S+)\n[\s\S]*✓ delivered from reports@contoso\.example by Graph: \1\n/,
    'the visitor’s message',
  );
  const refused = transport.sendMail({ from: 'bob@contoso.example', to: 'alice@contoso.example', text: 'x' });
  await expect(refused).rejects.toThrow('550 5.7.1');
  await demo.text(
    /✗ refused \(scanner from 127\.0\.0\.1\) 550 .*scanner may not send as bob@contoso\.example/,
    'the refusal',
  );
  demo.signal('SIGTERM');
  expect(await demo.exit()).toEqual({ code: 0, signal: null });
});
