import { openAppPasswords } from '../../accounts/sources/app-passwords/open.ts';
import { becomeDataFolderOwner } from '../../app/data-folder-owner.ts';
import { withSharedRecords } from '../../app/instances/shared-records.ts';
import { ConfiguredLogins } from '../../app/passwords/logins.ts';
import type { CommandQueue } from '../../app/queue-store.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import type { RecordTable } from '../../base/record-table.ts';
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { numberOption, readArguments, suggestionOrStop } from '../arguments.ts';
import { type AuditedCommand, type AuditNote, audited, commandUser } from '../audited.ts';
import { configPath } from '../config-path.ts';
import { showHelp } from '../terminal/help.ts';
import type { CliIo } from '../terminal/io.ts';
import { addPassword, removePassword, rotatePassword } from './change.ts';
import { type InvitationAction, invite, listInvitations, revokeInvitation } from './invitations.ts';
import { listPasswords } from './list.ts';
import type { AccountAction } from './request.ts';

const usage = `Usage: mailbridge account ACTION [LOGIN|ADDRESS|ID] [--name NAME] [--days N] [--config FILE] [--json]

App passwords: passwords made here, one for each device or program, besides the account's own or instead of it. They are
kept as digests, in the data folder or in the store that instances share; running bridges pick up every change within two
seconds.

  add LOGIN --name NAME      makes one for logins as LOGIN, and prints it, only this once
  list [LOGIN]               lists whose they are, what they are for, and when they were made and last used
  remove LOGIN --name NAME   removes one
  rotate LOGIN --name NAME   replaces one and prints the new one; the old one stops working at once

An invitation lets a person connect their mailbox at /connect, also from a domain that admin.connect does not list. It is
valid once, and only for its address. Only a digest of the link is kept, with the queue.

  invite ADDRESS [--days N]  makes an invitation, and prints its link, only this once
  invitations [ADDRESS]      lists who is invited, until when, and which were used; for 30 days after their end
  revoke ID                  ends an invitation; a mailbox that was connected with it stays connected

  --name NAME  what it is for: a device, a program
  --days N     how long an invitation is valid: 1 to 90, default 7
  --json       prints JSON

LOGIN is a username of the configuration, or an address that one such as *@contoso.com covers. Only the
password or the link goes to standard output, everything else to standard error.

Example: mailbridge account add scanner --name "second floor"
`;

const actions: Readonly<Record<string, AccountAction>> = {
  add: addPassword,
  list: listPasswords,
  remove: removePassword,
  rotate: rotatePassword,
};

const invitationActions: Readonly<Record<string, InvitationAction>> = {
  invite,
  invitations: listInvitations,
  revoke: revokeInvitation,
};

const subjects: Readonly<Record<string, string>> = { invite: 'an address', revoke: 'the id of an invitation' };
const longestDays = 90;

/** `mailbridge account` */
export async function runAccount(args: string[], io: CliIo, clock: Clock = systemClock): Promise<number> {
  const { values, positionals } = readArguments('account', {
    args,
    allowPositionals: true,
    options: {
      name: { type: 'string', short: 'n' },
      days: { type: 'string' },
      config: { type: 'string', short: 'c' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return showHelp(io, usage);
  const [word = '', subject, ...more] = positionals;
  const isInvitation = Object.hasOwn(invitationActions, word);
  if (more.length > 0) {
    const one = isInvitation ? 'one address or id' : 'one login';
    throw wrongUsage(`"account ${word}" takes ${one}, but was given "${more[0]}" too.`);
  }
  const work = isInvitation ? invitationWork(word, subject, values) : passwordWork(word, subject, values);
  const { config } = await loadConfig(configPath(values.config, io.env), {
    env: io.env,
    secrets: ['queue'],
  });
  const user = commandUser(io.env);
  const { dataDir } = config;
  becomeDataFolderOwner(dataDir);
  const run = (note: AuditNote) =>
    withSharedRecords(config, (shared, queue) => work({ config, shared, queue, nowMs: clock.now(), note }, io));
  const audit = changes[word]?.(subject ?? '', values.name?.trim());
  return audit === undefined ? await run(() => {}) : await audited({ ...audit, user, dataDir }, io, run);
}

/** The audit entries of actions that change something, the same as for those of the page. */
const changes: Readonly<
  Record<string, (subject: string, name: string | undefined) => Pick<AuditedCommand, 'action' | 'details'>>
> = {
  add: (login, name) => ({ action: 'app-passwords.add', details: { name: login, appPassword: name } }),
  remove: (login, name) => ({ action: 'app-passwords.remove', details: { name: login, id: name } }),
  rotate: (login, name) => ({ action: 'app-passwords.rotate', details: { name: login, id: name } }),
  invite: (address) => ({ action: 'connect-invite', details: { address } }),
  revoke: (id) => ({ action: 'connect-revoke', details: { id } }),
};

interface GivenValues {
  readonly name?: string | undefined;
  readonly days?: string | undefined;
  readonly json: boolean;
}

interface OpenParts {
  readonly config: Config;
  readonly shared: RecordTable | undefined;
  readonly queue: CommandQueue;
  readonly nowMs: number;
  readonly note: AuditNote;
}

type Work = (parts: OpenParts, io: CliIo) => Promise<number>;

/** @throws BridgeError `usage` */
function passwordWork(word: string, login: string | undefined, { name: given, days, json }: GivenValues): Work {
  const action = Object.hasOwn(actions, word) ? actions[word] : undefined;
  if (!action) throw unknownAction(word);
  if (login === undefined && word !== 'list') throw wrongUsage(`"account ${word}" needs a login.`);
  const name = given === undefined ? undefined : readName(given);
  if (days !== undefined) throw wrongUsage(`"account ${word}" has no --days.`);
  if (word === 'list' && name !== undefined) throw wrongUsage('"account list" has no --name.');
  if (word !== 'list' && name === undefined) {
    throw wrongUsage(`"account ${word}" needs --name: what the password is for, such as "second floor".`);
  }
  return ({ config, shared, nowMs }, io) => {
    const request = { login, name: name ?? '', json, nowMs, config, logins: new ConfiguredLogins(config) };
    return action(openAppPasswords(config.dataDir, shared), request, io);
  };
}

/** @throws BridgeError `usage` */
function invitationWork(word: string, subject: string | undefined, { name, days, json }: GivenValues): Work {
  const action = invitationActions[word] as InvitationAction;
  const needed = subjects[word];
  if (subject === undefined && needed !== undefined) throw wrongUsage(`"account ${word}" needs ${needed}.`);
  if (name !== undefined) throw wrongUsage(`"account ${word}" has no --name.`);
  if (word !== 'invite' && days !== undefined) throw wrongUsage(`"account ${word}" has no --days.`);
  const asked = numberOption('days', days ?? '7', 1, longestDays);
  return ({ config, queue, nowMs, note }, io) => action({ subject, days: asked, json, nowMs, config, queue, note }, io);
}

function unknownAction(word: string): BridgeError {
  const known = [...Object.keys(actions), ...Object.keys(invitationActions)];
  return wrongUsage(
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
