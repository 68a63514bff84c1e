import type { AppPasswordStore } from '../../accounts/sources/app-passwords/store.ts';
import type { CliIo } from '../terminal/io.ts';
import { Screen } from '../terminal/screen.ts';
import type { AccountRequest } from './request.ts';

/** `mailbridge account add` */
export async function addPassword(store: AppPasswordStore, request: AccountRequest, io: CliIo): Promise<number> {
  const login = request.logins.known(request.login ?? '');
  const password = await store.add(login, request.name, new Date(request.nowMs), request.logins.accountOf(login));
  show(login, password, 'It is shown only this once. Hyphens, spaces and capitals do not matter.', request, io);
  return 0;
}

/** `mailbridge account rotate` */
export async function rotatePassword(store: AppPasswordStore, request: AccountRequest, io: CliIo): Promise<number> {
  const login = request.logins.knownOrGone(request.login ?? '');
  const password = await store.rotate(login, request.name, new Date(request.nowMs), request.logins.accountOf(login));
  show(login, password, 'It is shown only this once. The old one no longer works.', request, io);
  return 0;
}

/** `mailbridge account remove` */
export async function removePassword(store: AppPasswordStore, request: AccountRequest, io: CliIo): Promise<number> {
  const { name, json } = request;
  const login = request.logins.knownOrGone(request.login ?? '');
  await store.remove(login, name);
  if (json) io.stdout.write(`${JSON.stringify({ login, name, removed: true }, null, 2)}\n`);
  else new Screen(io.stdout, io.env).say(`The app password "${name}" of ${login} is removed.`, { mark: 'ok' });
  return 0;
}

/** The password is only written to standard output, where a program can take it from. */
function show(login: string, password: string, note: string, { name, json, nowMs }: AccountRequest, io: CliIo): void {
  if (json) {
    const madeAt = new Date(nowMs).toISOString();
    io.stdout.write(`${JSON.stringify({ login, name, madeAt, password }, null, 2)}\n`);
    return;
  }
  const screen = new Screen(io.stderr, io.env);
  screen.say(`App password "${name}" of ${login}. ${note}`, { mark: 'ok' });
  io.stdout.write(`${password}\n`);
}
