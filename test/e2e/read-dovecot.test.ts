import { readFileSync } from 'node:fs';
import { connect, type TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import { needProgram } from '../support/external.ts';
import { freshFolder, type ReadLogin } from '../support/read-clients.ts';
import { describeReadClients } from '../support/read-clients-contract.ts';
import { connectImapFlow } from '../support/read-clients-libraries.ts';
import { curl } from '../support/read-clients-programs.ts';
import { exchangeRoutes as routes, startWithDovecot } from '../support/read-clients-world.ts';
import { until } from '../support/relay.ts';
import { play } from '../support/transcript.ts';

const [imap, , translated] = routes;

// Dovecot in place of Exchange Online: a server to log in to that this project did not write.
describeReadClients({
  start: startWithDovecot,
  routes,
  needs: ['doveadm'],
  more: testsOfDovecot,
});

function testsOfDovecot(world: () => Awaited<ReturnType<typeof startWithDovecot>>): void {
  test('clients are told what Dovecot can do, not what Exchange can', async () => {
    const flow = await connectImapFlow(world().login(imap, 'starttls'));
    expect([...flow.capabilities.keys()]).toEqual(expect.arrayContaining(['CONDSTORE', 'ESEARCH', 'THREAD=REFS']));
    await flow.logout();
  });

  test('a message that an IMAP program removes while a POP3 session is open is refused, the others are read', async () => {
    await world().inbox.clear();
    for (const name of ['one', 'two', 'three']) await world().inbox.deliver(`Subject: ${name}\r\n\r\n${name}\r\n`);
    const client = secured(world().login(translated, 'tls'));
    await play(client, `${popLogin(world().login(translated, 'tls'))}\nC: STAT\nS: +OK 3 …`);
    const flow = await connectImapFlow(world().login(imap, 'starttls'));
    await flow.mailboxOpen('INBOX');
    await flow.messageDelete('2');
    await flow.logout();
    await play(
      client,
      `C: RETR 2
       S: -ERR The message no longer exists.
       C: TOP 2 0
       S: -ERR The message no longer exists.
       C: TOP 3 ${'9'.repeat(12)}
       S: +OK
       S: Subject: three
       S:
       S: three
       S: .
       C: RETR 1
       S: +OK…
       S: Subject: one
       S:
       S: one
       S: .
       C: DELE 1
       S: +OK
       C: QUIT
       S: +OK …
       S: <end>`,
    );
    expect((await world().inbox.messages()).map(({ content }) => content.trim().split('\n').at(-1))).toEqual(['three']);
    await world().inbox.clear();
  });

  test('a client that ends its side of the connection after LOGOUT still gets 20 MB', async () => {
    await world().inbox.clear();
    const mail = `Subject: long\r\n\r\n${`${'x'.repeat(78)}\r\n`.repeat(250_000)}`;
    await world().inbox.deliver(mail);
    const login = world().login(imap, 'tls', 'ascii');
    const client = secured(login);
    client.end(
      `a LOGIN ${login.username} "${login.password}"\r\nb SELECT INBOX\r\nc FETCH 1 BODY.PEEK[]\r\nd LOGOUT\r\n`,
    );
    const chunks: Buffer[] = [];
    for await (const chunk of client) chunks.push(chunk as Buffer);
    const answers = Buffer.concat(chunks).toString('latin1');
    expect(answers.includes(mail)).toBe(true);
    expect(answers).toMatch(/\r\nd OK [^\r\n]*\r\n$/);
    await world().inbox.clear();
  });

  test.for(routes)('a mailbox that Dovecot does not open for the token is refused ($name)', async (route, context) => {
    needProgram(context, 'curl');
    const goodbyes = () =>
      [
        ...world()
          .log()
          .matchAll(/-login: Info: Disconnected.*auth failed/g),
      ].length;
    const before = goodbyes();
    const login = { ...world().login(route, 'tls'), username: `bob-${route.read}` };
    const { result } = await curl.fetch(login, await freshFolder(world().folder, 'client'), 'keep');
    // "Login denied": the program gets this reply and is not left waiting for an answer to the error challenge.
    expect(result).toMatchObject({ code: 67, output: expect.stringContaining('denied') });
    await until('the end of the connection to Dovecot', () => goodbyes() > before);
  });
}

function secured({ port, authorityFile }: ReadLogin): TLSSocket {
  const options = { port, host: '127.0.0.1', ca: readFileSync(authorityFile), allowHalfOpen: true };
  return connect(options).on('error', () => {});
}

const popLogin = ({ username, password }: ReadLogin): string =>
  `S: +OK …
   C: USER ${username}
   C: PASS ${password.replace('\\', '\\x5c')}
   S: +OK
   S: +OK …`;
