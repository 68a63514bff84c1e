import { expect, test } from 'vitest';
import { needProgram } from '../support/external.ts';
import { freshFolder } from '../support/read-clients.ts';
import { describeReadClients } from '../support/read-clients-contract.ts';
import { connectImapFlow } from '../support/read-clients-libraries.ts';
import { curl } from '../support/read-clients-programs.ts';
import { type Route, routes, startWithDovecot } from '../support/read-clients-world.ts';
import { until } from '../support/relay.ts';

const imap = routes[0] as Route;

// Dovecot in place of Exchange Online: nobody here wrote the server that the bridge logs in to.
describeReadClients({
  start: startWithDovecot,
  needs: ['doveadm'],
  more: testsOfDovecot,
});

function testsOfDovecot(world: () => Awaited<ReturnType<typeof startWithDovecot>>): void {
  test('clients are told what Dovecot can do, not what Exchange can', async () => {
    const flow = await connectImapFlow(world().login(imap, 'starttls'));
    expect([...flow.capabilities.keys()]).toEqual(expect.arrayContaining(['CONDSTORE', 'ESEARCH', 'THREAD=REFS']));
    await flow.logout();
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
    // "Login denied": the program is told so and is not left waiting for an answer to the error challenge.
    expect(result).toMatchObject({ code: 67, output: expect.stringContaining('denied') });
    await until('the end of the connection to Dovecot', () => goodbyes() > before);
  });
}
