import { expect, test } from 'vitest';
import { commandsIn } from '../../../src/admin/pages/parts/named-commands.ts';

test.each<[remedy: string, found: readonly string[]]>([
  ['Sign in again: mailbridge login contoso.', ['login contoso']],
  ['Sign in again: mailbridge login contoso', ['login contoso']],
  ['Sign in again with "mailbridge login contoso.com".', ['login contoso.com']],
  ['To use the other one: mailbridge login contoso --replace.', ['login contoso']],
  ['Sign in with "mailbridge login NAME", NAME being the connection. Mail waits meanwhile.', ['login']],
  ['Sign in again with "mailbridge login", which moves the file aside.', ['login']],
  ['Correct passwordFrom.ldap; mailbridge check tries it, and names what is refused.', ['check']],
  ['(1) The role: mailbridge exchange-script contoso makes the script to run', ['exchange-script']],
  ['It is still waiting in the queue: mailbridge queue show 0mx2vmo2763yav', ['queue show 0mx2vmo2763yav']],
  ['mailbridge queue export ID writes what is left of the message.', ['queue export']],
  ['Look: then "mailbridge queue delete", else "mailbridge queue release".', ['queue delete', 'queue release']],
  ['Run mailbridge register-app --name contoso, then mailbridge login contoso: it adds', ['register-app', 'login']],
  ['Run mailbridge queue repair; mailbridge help queue says more. Run mailbridge config check.', []],
])('the commands that a page may do in %s', (remedy, found) => {
  const told = commandsIn(remedy).map(({ command, subject }) => (subject ? `${command} ${subject}` : command));
  expect(told).toEqual(found);
});
