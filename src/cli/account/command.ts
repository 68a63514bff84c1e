import { openAppPasswords } from '../../accounts/sources/app-passwords/open.ts';
import { becomeDataFolderOwner } from '../../app/data-folder-owner.ts';
import { withSharedRecords } from '../../app/instances/shared-records.ts';
import { ConfiguredLogins } from '../../app/passwords/logins.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import { loadConfig } from '../../config/load.ts';
import { readArguments, suggestionOrStop } from '../arguments.ts';
import { configPath } from '../config-path.ts';
import { showHelp } from '../terminal/help.ts';
import type { CliIo } from '../terminal/io.ts';
import { addPassword, removePassword, rotatePassword } from './change.ts';
import { listPasswords } from './list.ts';
import type { AccountAction } from './request.ts';

const usage = `Usage: mailbridge account ACTION [LOGIN] [--name NAME] [--config FILE] [--json]

App passwords: passwords made here, one for each device or program, beside the account's own or in place of it. They are
kept as digests, in the data folder or in the store that instances share; running bridges take up every change within two
seconds.

  add LOGIN --name NAME     makes one for whoever logs in as LOGIN, and prints it, this once
  list [LOGIN]              whose there are, what they are for, when they were made and used last
  remove LOGIN --name NAME  ends one
  rotate LOGIN --name NAME  makes a new one in its place, and prints it; the old one ends at once

  --name NAME  what it is for: a device, a program
  --json       prints JSON

LOGIN is a username of the configuration, or an address that one such as *@contoso.com covers. The password alone goes to
standard output, all else to standard error.

Example: mailbridge account add scanner --name "second floor"
`;

const actions: Readonly<Record<string, AccountAction>> = {
  add: addPassword,
  list: listPasswords,
  remove: removePassword,
  rotate: rotatePassword,
};

/** `mailbridge account` */
export async function runAccount(args: string[], io: CliIo, clock: Clock = systemClock): Promise<number> {
  const { values, positionals } = readArguments('account', {
    args,
    allowPositionals: true,
    options: {
      name: { type: 'string', short: 'n' },
      config: { type: 'string', short: 'c' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return showHelp(io, usage);
  const [word = '', login, ...more] = positionals;
  const action = actionOf(word);
  if (more.length > 0) throw wrongUsage(`"account ${word}" takes one login, but was given "${more[0]}" too.`);
  if (login === undefined && word !== 'list') throw wrongUsage(`"account ${word}" needs a login.`);
  const name = values.name === undefined ? undefined : readName(values.name);
  if (word === 'list' && name !== undefined) throw wrongUsage('"account list" has no --name.');
  if (word !== 'list' && name === undefined) {
    throw wrongUsage(`"account ${word}" needs --name: what the password is for, such as "second floor".`);
  }
  const { config } = await loadConfig(configPath(values.config, io.env), {
    env: io.env,
    secrets: ['queue'],
  });
  becomeDataFolderOwner(config.dataDir);
  const { json } = values;
  const request = { login, name: name ?? '', json, nowMs: clock.now(), logins: new ConfiguredLogins(config) };
  return await withSharedRecords(config, (shared) => action(openAppPasswords(config.dataDir, shared), request, io));
}

function actionOf(word: string): AccountAction {
  const action = Object.hasOwn(actions, word) ? actions[word] : undefined;
  if (action) return action;
  const known = Object.keys(actions);
  throw wrongUsage(
    word === ''
      ? `"account" needs an action: ${known.join(', ')}.`
      : `"account" cannot "${word}"${suggestionOrStop(word, known)}`,
  );
}

const longestName = 64;

/** @throws BridgeError `usage` */
function readName(text: string): string {
  const name = text.normalize('NFC').trim();
  if (name !== '' && name.length <= longestName && !/\p{Cc}/u.test(name)) return name;
  throw wrongUsage(`--name needs 1 to ${longestName} characters, and no control characters.`);
}

function wrongUsage(text: string): BridgeError {
  return new BridgeError('usage', text, { remedy: 'Run mailbridge account --help.' });
}
