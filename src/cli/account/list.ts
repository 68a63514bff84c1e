import type { AppPasswordStore, ListedAppPassword } from '../../accounts/sources/app-passwords/store.ts';
import { crossedPasswords } from '../../app/passwords/crossed.ts';
import type { CliIo } from '../terminal/io.ts';
import { Screen } from '../terminal/screen.ts';
import { localTime, timeZoneText } from '../terminal/times.ts';
import type { AccountRequest } from './request.ts';

/** `mailbridge account list`: a line for each app password. */
export async function listPasswords(store: AppPasswordStore, request: AccountRequest, io: CliIo): Promise<number> {
  const { login: typed, json, nowMs, logins } = request;
  const login = typed === undefined ? undefined : logins.knownOrGone(typed);
  const found = (await store.list()).filter((each) => login === undefined || each.login === login);
  if (json) {
    const entries = found.map((each) => ({
      ...each,
      lastUsedAt: each.lastUsedAt ?? null,
      account: each.account ?? null,
      hasAccount: logins.covers(each.login),
    }));
    io.stdout.write(`${JSON.stringify(entries, null, 2)}\n`);
    return 0;
  }
  const screen = new Screen(io.stdout, io.env);
  if (found.length === 0) {
    screen.say(login === undefined ? 'no app passwords' : `no app passwords of ${login}`);
    return 0;
  }
  const time = (at: string | undefined) => (at === undefined ? 'never' : localTime(Date.parse(at), nowMs));
  screen.table<ListedAppPassword>(
    [
      { heading: 'LOGIN', value: ({ login }) => login, least: 20 },
      { heading: 'NAME', value: ({ name }) => name, least: 16 },
      { heading: 'MADE', value: ({ madeAt }) => time(madeAt), spare: 1 },
      { heading: 'LAST USED', value: ({ lastUsedAt }) => time(lastUsedAt) },
    ],
    found,
  );
  screen.blank();
  const count = found.length === 1 ? '1 app password' : `${found.length} app passwords`;
  screen.say(`${count}; times are ${timeZoneText(nowMs)}.`);
  const gone = [...new Set(found.map((each) => each.login))].filter((each) => !logins.covers(each));
  for (const text of crossedPasswords(request.config, found)) screen.say(text, { mark: 'warning' });
  if (gone.length > 0) {
    screen.say(`No account has the login ${gone.join(', ')}: remove what is left with mailbridge account remove.`, {
      mark: 'warning',
    });
  }
  return 0;
}
