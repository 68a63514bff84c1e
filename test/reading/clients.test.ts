import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ImapFlow } from 'imapflow';
import Pop3Command from 'node-pop3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { needProgram, runProgram } from '../support/external.ts';
import { alice, password, ReadBridge } from '../support/read-bridge.ts';

let bridge: ReadBridge;
let folder: string;
let caFile: string;
let ports: { imap: number; imaps: number; pop3: number; pop3s: number };

beforeAll(async () => {
  bridge = await ReadBridge.start();
  folder = await mkdtemp(join(tmpdir(), 'read-clients-'));
  caFile = join(folder, 'ca.pem');
  await writeFile(caFile, bridge.ca);
  ports = {
    imap: (await bridge.listen('imap')).port,
    imaps: (await bridge.listen('imap', { security: 'tls' })).port,
    pop3: (await bridge.listen('pop3')).port,
    pop3s: (await bridge.listen('pop3', { security: 'tls' })).port,
  };
});

afterAll(async () => {
  await bridge.close();
  await rm(folder, { recursive: true });
});

const big = `Subject: big\r\n\r\n${'.0123456789 abcdefghijklmnopqrstuvwxyz\r\n'.repeat(20_000)}`;

beforeEach(async () => {
  const inbox = await bridge.directory.openStore(alice).open('INBOX', { readOnly: false });
  const uids: number[] = [];
  for await (const { uid } of inbox.list()) uids.push(uid);
  await inbox.remove(uids);
  bridge.directory.deliver(alice, 'INBOX', Buffer.from('Subject: one\r\n\r\nGrüße\r\n'));
  bridge.directory.deliver(alice, 'INBOX', Buffer.from(big));
});

function subjects(): string[] {
  return bridge.directory.messages(alice, 'INBOX').map(({ content }) => content.toString().split('\r\n')[0] ?? '');
}

describe('IMAP clients through the bridge', () => {
  it.for(['imap', 'imaps'] as const)('curl reads, searches and deletes (%s)', async (scheme, context) => {
    needProgram(context, 'curl');
    const base = `${scheme}://localhost:${ports[scheme]}`;
    const curl = (...args: string[]) =>
      runProgram('curl', [
        '--silent',
        '--show-error',
        '--ssl-reqd',
        '--cacert',
        caFile,
        '--user',
        `scanner:${password}`,
        ...args,
      ]);
    expect((await curl(`${base}/`)).output).toContain('"Sent Items"');
    expect(await curl(`${base}/INBOX;MAILINDEX=1`)).toEqual({ code: 0, output: 'Subject: one\r\n\r\nGrüße\r\n' });
    expect(await curl(`${base}/INBOX;MAILINDEX=2`)).toEqual({ code: 0, output: big });
    expect((await curl(`${base}/INBOX?SUBJECT%20big`)).output).toContain('* SEARCH 2');
    await curl(`${base}/INBOX`, '--request', 'STORE 1 +FLAGS \\Deleted');
    expect((await curl(`${base}/INBOX`, '--request', 'EXPUNGE')).output).toContain('* 1 EXPUNGE');
    expect(subjects()).toEqual(['Subject: big']);
  });

  it('Python imaplib reads, searches, appends and deletes', async (context) => {
    needProgram(context, 'python3');
    const script = `
import imaplib, ssl, sys
m = imaplib.IMAP4('localhost', ${ports.imap})
m.starttls(ssl.create_default_context(cafile=sys.argv[1]))
m.authenticate('PLAIN', lambda _: ('\\0scanner\\0' + sys.argv[2]).encode())
assert m.select()[1] == [b'2'], 'select'
assert m.search(None, 'SUBJECT', 'one')[1] == [b'1'], 'search'
assert m.fetch('1', '(RFC822)')[1][0][1] == 'Subject: one\\r\\n\\r\\nGrüße\\r\\n'.encode(), 'fetch'
assert len(m.fetch('2', '(BODY.PEEK[])')[1][0][1]) == ${Buffer.byteLength(big)}, 'big'
assert m.append('INBOX', '', None, b'Subject: three\\r\\n\\r\\n')[0] == 'OK', 'append'
m.store('1:2', '+FLAGS', '\\\\Deleted')
assert m.expunge()[1] == [b'2', b'1'], 'expunge'
m.logout()
print('done')`;
    expect(await runProgram('python3', ['-c', script, caFile, password])).toEqual({ code: 0, output: 'done\n' });
    expect(subjects()).toEqual(['Subject: three']);
  });

  it('imapflow reads, hears of new mail, and moves', async () => {
    const flow = new ImapFlow({
      host: 'localhost',
      port: ports.imap,
      secure: false,
      doSTARTTLS: true,
      tls: { ca: bridge.ca },
      auth: { user: 'scanner', pass: password },
      logger: false,
    });
    await flow.connect();
    const lock = await flow.getMailboxLock('INBOX');
    const messages = await flow.fetchAll('1:*', { source: true });
    expect(messages.map(({ source }) => source?.toString())).toEqual(['Subject: one\r\n\r\nGrüße\r\n', big]);
    const heard = new Promise<unknown>((resolve) => flow.once('exists', resolve));
    const idling = flow.idle();
    await new Promise((resolve) => setTimeout(resolve, 50));
    bridge.directory.deliver(alice, 'INBOX', Buffer.from('Subject: new\r\n\r\n'));
    expect(await heard).toMatchObject({ count: 3 });
    await flow.messageMove('1:2', 'Deleted Items');
    await idling;
    lock.release();
    await flow.logout();
    expect(subjects()).toEqual(['Subject: new']);
  });
});

describe('POP3 clients through the bridge', () => {
  it.for(['pop3', 'pop3s'] as const)('curl reads and deletes (%s)', async (scheme, context) => {
    needProgram(context, 'curl');
    const base = `${scheme}://localhost:${ports[scheme]}`;
    const curl = (...args: string[]) =>
      runProgram('curl', [
        '--silent',
        '--show-error',
        '--ssl-reqd',
        '--cacert',
        caFile,
        '--user',
        `scanner:${password}`,
        ...args,
      ]);
    expect((await curl(`${base}/`)).output).toBe(`1 ${25}\r\n2 ${Buffer.byteLength(big)}\r\n`);
    expect(await curl(`${base}/2`)).toEqual({ code: 0, output: big });
    await curl(`${base}/1`, '--request', 'DELE', '--list-only');
    expect(subjects()).toEqual(['Subject: big']);
  });

  it('Python poplib reads and deletes', async (context) => {
    needProgram(context, 'python3');
    const script = `
import poplib, ssl, sys
p = poplib.POP3('localhost', ${ports.pop3})
p.stls(ssl.create_default_context(cafile=sys.argv[1]))
p.encoding = 'UTF-8'
p.user('scanner')
p.pass_(sys.argv[2])
assert p.stat()[0] == 2, 'stat'
assert p.retr(1)[1] == [b'Subject: one', b'', 'Grüße'.encode()], 'retr'
assert len(p.retr(2)[1]) == 20002, 'big'
assert len(p.top(2, 3)[1]) == 5, 'top'
assert len(p.uidl()[1]) == 2, 'uidl'
p.dele(2)
p.quit()
print('done')`;
    expect(await runProgram('python3', ['-c', script, caFile, password])).toEqual({ code: 0, output: 'done\n' });
    expect(subjects()).toEqual(['Subject: one']);
  });

  it('node-pop3 reads and deletes', async () => {
    const pop3 = new Pop3Command({
      host: 'localhost',
      port: ports.pop3s,
      tls: true,
      user: 'scanner',
      password,
      tlsOptions: { ca: bridge.ca },
    } as ConstructorParameters<typeof Pop3Command>[0]);
    const listed = (await pop3.UIDL()) as string[][];
    expect(listed).toHaveLength(2);
    expect(await pop3.RETR(1)).toBe('Subject: one\r\n\r\nGrüße');
    expect((await pop3.RETR(2)).length).toBeGreaterThanOrEqual(big.length);
    await pop3.command('DELE', '1');
    await pop3.QUIT();
    expect(subjects()).toEqual(['Subject: big']);
  });
});
