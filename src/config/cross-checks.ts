import { isIPv6 } from 'node:net';
import { isPersonalTenant } from '../base/personal-accounts.ts';
import { isEveryAddress } from '../base/sockets/listening-host.ts';
import { isLoopback } from '../base/sockets/loopback.ts';
import { domainOf } from '../message/address/address.ts';
import { isPattern } from '../message/address/pattern.ts';
import { readNetwork } from './blocks/accounts.ts';
import { grants } from './blocks/connections.ts';
import { isAddress, isDomainPattern } from './fields.ts';
import { suggestion } from './nearest.ts';
import { type Problem, pathText } from './problems.ts';

/*
 * Rules between values. They check the raw file, not the schema's result, so they work even if other values are wrong,
 * and everything is reported at once. Values of the wrong type are skipped here; the schema reports them.
 */

type Raw = Readonly<Record<string, unknown>>;
type Path = Problem['path'];

const object = (value: unknown): Raw =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Raw) : {};
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const has = (value: Raw, key: string): boolean => value[key] !== undefined;

/** The ways for an app to authenticate; one app uses one. */
const credentialKeys = ['clientSecret', 'clientCertificate', 'clientAssertionFile'];

/** @param connectionKeys every key a connection can have */
export function crossChecks(file: unknown, connectionKeys: readonly string[]): Problem[] {
  const raw = object(file);
  return [
    ...portClashes(raw),
    ...listenerTls(raw),
    ...adminRules(raw),
    ...alertRules(raw),
    ...connectionRules(raw, connectionKeys),
    ...accountRules(raw),
    ...usernameClashes(raw),
    ...domainClashes(raw),
    ...networkClashes(raw),
    ...queueRules(raw),
    ...sharedStoreRules(raw),
    ...connectRules(raw),
  ];
}

/** At `/connect` everybody signs in for themself and gets a password that their account accepts. */
function connectRules(raw: Raw): Problem[] {
  const connect = object(object(raw.admin).connect);
  const name = text(connect.connection);
  if (name === undefined) return [];
  const path = ['admin', 'connect'];
  const connection = object(object(raw.connections)[name]);
  if (!['device-code', 'authorization-code'].includes(String(connection.grant)) || connection.signIns !== 'each') {
    const text = `"${name}" needs grant "device-code" or "authorization-code", and "signIns": "each"`;
    return [{ path: [...path, 'connection'], text }];
  }
  if (connection.grant === 'authorization-code' && !/\/connect\/callback$/.test(String(connection.redirectUri))) {
    const text = `"${name}" needs the "redirectUri" https://HOST/connect/callback`;
    return [{ path: [...path, 'connection'], text }];
  }
  if (['common', 'organizations'].includes(String(connection.tenantId).toLowerCase())) {
    const text = `"${name}" needs the "tenantId" of one tenant: with "${connection.tenantId}" people of any other tenant could sign in, too`;
    return [{ path: [...path, 'connection'], text }];
  }
  return list(connect.domains).flatMap((domain, index) => {
    const isServed = list(raw.accounts)
      .map(object)
      .some(
        ({ username, passwordFrom, connection }) =>
          text(username)?.toLowerCase() === `*@${String(domain).toLowerCase()}` &&
          passwordFrom === 'app-passwords' &&
          connection === name,
      );
    const wanted = `{ "username": "*@${String(domain)}", "passwordFrom": "app-passwords", "connection": "${name}" }`;
    return isServed ? [] : [{ path: [...path, 'domains', index], text: `needs an account ${wanted}` }];
  });
}

function portClashes(raw: Raw): Problem[] {
  const endpoints = list(raw.listeners).map((listener, index) => ({
    path: ['listeners', index] as Path,
    value: object(listener),
  }));
  if (has(raw, 'admin')) endpoints.push({ path: ['admin'], value: object(raw.admin) });
  const taken: { path: Path; host: string; port: unknown }[] = [];
  const problems: Problem[] = [];
  for (const { path, value } of endpoints) {
    const port = value.port ?? (path[0] === 'admin' ? 8025 : undefined);
    const host = (text(value.host) ?? '127.0.0.1').toLowerCase().replace(/^localhost$/, '127.0.0.1');
    if (typeof port !== 'number' || port === 0) continue;
    // `::` accepts IPv4 as well. `0.0.0.0` beside an IPv6 address would do no harm, but is never intended.
    const other = taken.find(
      (one) => one.port === port && (one.host === host || isEveryAddress(one.host) || isEveryAddress(host)),
    );
    if (other) problems.push({ path: [...path, 'port'], text: `${port} is already taken by ${pathText(other.path)}` });
    taken.push({ path, host, port });
  }
  return problems;
}

function listenerTls(raw: Raw): Problem[] {
  return list(raw.listeners).flatMap((listener, index) => pairRules(object(listener).tls, ['listeners', index, 'tls']));
}

/** The sender of the alerts has to be an account that sends. */
function alertRules(raw: Raw): Problem[] {
  const alerts = object(raw.alerts);
  if (!has(alerts, 'mailTo') && !has(alerts, 'account')) return [];
  if (!has(alerts, 'account')) return [{ path: ['alerts'], text: '"mailTo" needs "account" beside it' }];
  if (!has(alerts, 'mailTo')) return [{ path: ['alerts'], text: '"account" needs "mailTo" beside it' }];
  const username = text(alerts.account);
  if (username === undefined) return [];
  const account = list(raw.accounts)
    .map(object)
    .find((each) => each.username === username);
  if (!account) {
    const known = list(raw.accounts).flatMap((each) => text(object(each).username) ?? []);
    return [{ path: ['alerts', 'account'], text: `there is no account "${username}"${suggestion(username, known)}` }];
  }
  const path = ['alerts', 'account'];
  if (!has(account, 'send')) return [{ path, text: `account "${username}" has no "send"` }];
  const mailboxes = [account.mailbox, ...list(account.mailboxes)].flatMap((each) => text(each) ?? []);
  if (mailboxes.some((each) => !isPattern(each))) return [];
  return [{ path, text: `account "${username}" has no mailbox of its own to send alerts as` }];
}

function pairRules(value: unknown, path: Path): Problem[] {
  const tls = object(value);
  if (has(tls, 'cert') && !has(tls, 'key')) return [{ path, text: '"cert" needs "key" beside it' }];
  if (has(tls, 'key') && !has(tls, 'cert')) return [{ path, text: '"key" needs "cert" beside it' }];
  return [];
}

/** Anybody on the path of an unencrypted connection gets the token, and with it the bridge. */
function adminRules(raw: Raw): Problem[] {
  const admin = object(raw.admin);
  const problems = pairRules(admin.tls, ['admin', 'tls']);
  if (has(admin, 'tls') && admin.security !== 'tls') {
    problems.push({ path: ['admin', 'tls'], text: 'needs "security": "tls" beside it' });
  }
  const host = text(admin.host) ?? '127.0.0.1';
  if (has(admin, 'oidc') && !has(admin, 'publicUrl') && !isLoopback(host)) {
    const text = 'needs "publicUrl" beside it: where the browser is sent back to';
    problems.push({ path: ['admin', 'oidc'], text });
  }
  if (isLoopback(host) || admin.security === 'tls' || admin.pages === false) return problems;
  return [
    ...problems,
    {
      path: ['admin', 'host'],
      text: `"${host}" is beyond this machine: add "security": "tls", or "pages": false for only health and metrics`,
    },
  ];
}

function connectionRules(raw: Raw, keys: readonly string[]): Problem[] {
  return Object.entries(object(raw.connections)).flatMap(([name, value]) => {
    const connection = object(value);
    const path = ['connections', name];
    const problems: Problem[] = [];
    const grant = text(connection.grant);
    const given = credentialKeys.filter((key) => has(connection, key)).map((key) => `"${key}"`);
    if (given.length > 1) problems.push({ path, text: `has ${given.join(' and ')}; keep one` });
    if (has(connection, 'applicationObjectId') && !has(connection, 'clientCertificate')) {
      const text = 'needs "clientCertificate" beside it, which it renews';
      problems.push({ path: [...path, 'applicationObjectId'], text });
    }
    if (grant === 'client-credentials') {
      if (given.length === 0) {
        const text = `grant "client-credentials" needs "clientSecret", "clientCertificate" or "clientAssertionFile"`;
        problems.push({ path, text });
      }
      if (connection.tenantId === 'common' || connection.tenantId === 'organizations') {
        problems.push({
          path: [...path, 'tenantId'],
          text: `grant "client-credentials" needs the tenant itself, not "${connection.tenantId}"`,
        });
      }
    }
    if (connection.signIns === 'each' && has(connection, 'tokenFile')) {
      problems.push({ path: [...path, 'tokenFile'], text: 'is for one sign-in, and "signIns" is "each"' });
    }
    if (isPersonalTenant(connection.tenantId)) problems.push(...personalRules(connection, path));
    // Without a valid grant the schema does not know which keys are right, but some never are.
    if (!(grants as readonly unknown[]).includes(grant)) {
      for (const key of Object.keys(connection).filter((key) => !keys.includes(key))) {
        problems.push({ path: [...path, key], text: `unknown key${suggestion(key, keys)}` });
      }
    }
    return problems;
  });
}

/** Why a grant does not support personal accounts. */
const notPersonal: Readonly<Record<string, string>> = {
  'client-credentials':
    'personal accounts do not let an app in by itself, because they have no administrator to consent',
  'managed-identity': 'a managed identity belongs to the tenant of its machine',
  password: 'Microsoft takes the password of a personal account only on its own page',
};

/** For `consumers`. */
function personalRules(connection: Raw, path: Path): Problem[] {
  const problems: Problem[] = [];
  const reason = notPersonal[text(connection.grant) ?? ''];
  if (reason !== undefined) {
    const instead = 'use grant "device-code" or "authorization-code"';
    problems.push({ path: [...path, 'grant'], text: `${reason}; with tenantId "${connection.tenantId}" ${instead}` });
  }
  const cloud = text(connection.cloud) ?? 'global';
  if (cloud !== 'global') {
    problems.push({ path: [...path, 'cloud'], text: `personal accounts are in the cloud "global", not in "${cloud}"` });
  }
  return problems;
}

function accountRules(raw: Raw): Problem[] {
  const connections = Object.keys(object(raw.connections));
  return list(raw.accounts).flatMap((value, index) => {
    const account = object(value);
    const path = ['accounts', index];
    const problems: Problem[] = [];
    const connection = text(account.connection);
    if (connection !== undefined && has(raw, 'connections') && !connections.includes(connection)) {
      problems.push({
        path: [...path, 'connection'],
        text: `there is no connection "${connection}"${suggestion(connection, connections)}`,
      });
    }
    if (!has(account, 'send') && !has(account, 'read')) {
      problems.push({ path, text: 'needs "send", "read" or both' });
    }
    if (account.endOfData === 'lf' && !has(account, 'networks')) {
      problems.push({
        path: [...path, 'endOfData'],
        text: '"lf" needs "networks": it applies only to clients in them',
      });
    }
    problems.push(...mailboxRules(account, path));
    if (object(object(raw.connections)[connection ?? '']).signIns === 'each' && has(account, 'mailboxes')) {
      const text =
        'is not for a connection whose "signIns" is "each": each mailbox is reached only with its own sign-in';
      problems.push({ path: [...path, 'mailboxes'], text });
    }
    if (has(account, 'forceFrom') && has(object(account.rewrite), 'senders')) {
      problems.push({
        path: [...path, 'rewrite', 'senders'],
        text: 'has no effect beside "forceFrom", which replaces every sender; keep one',
      });
    }
    const hasPassword = has(account, 'password') || has(account, 'passwordFrom');
    if (has(account, 'password') && has(account, 'passwordFrom')) {
      problems.push({ path: [...path, 'passwordFrom'], text: 'replaces "password": leave one out' });
    }
    if (!hasPassword && !has(account, 'networks')) {
      const text = 'needs "password" or "passwordFrom", or "networks" for sending without one';
      problems.push({ path, text: isForMany(account) ? 'needs "passwordFrom"' : text });
    }
    if (!hasPassword && has(account, 'networks') && has(account, 'read') && !has(account, 'send')) {
      problems.push({ path, text: 'needs "password" or "passwordFrom": "networks" allow sending only' });
    }
    return problems;
  });
}

function mailboxRules(account: Raw, path: Path): Problem[] {
  const forMany = isForMany(account);
  const named = list(account.mailboxes);
  const problems: Problem[] = [];
  if (!has(account, 'mailbox') && !forMany && !named.some((each) => isAddress(text(each) ?? ''))) {
    const text = has(account, 'mailboxes')
      ? 'needs "mailbox", the default one: "mailboxes" names no single address'
      : 'needs "mailbox", or "mailboxes" with the default one first';
    problems.push({ path, text });
  }
  if (has(account, 'mailboxFrom') && !has(account, 'mailboxes')) {
    problems.push({ path: [...path, 'mailboxFrom'], text: 'needs "mailboxes" to choose from' });
  }
  if (forMany && has(account, 'networks')) {
    const text =
      'do not say who is there: an account for everybody at a domain cannot have them; make one of a single name';
    problems.push({ path: [...path, 'networks'], text });
  }
  return problems;
}

/** Whether everybody at a domain logs in with it. */
function isForMany(account: Raw): boolean {
  return isDomainPattern(text(account.username) ?? '');
}

function usernameClashes(raw: Raw): Problem[] {
  const seen = new Map<string, number>();
  return list(raw.accounts).flatMap((value, index) => {
    const name = text(object(value).username);
    if (name === undefined) return [];
    const key = isDomainPattern(name) ? `*@${domainOf(name)}` : name.normalize('NFC').toLowerCase();
    const first = seen.get(key);
    if (first === undefined) {
      seen.set(key, index);
      return [];
    }
    return [{ path: ['accounts', index, 'username'], text: `"${name}" is also the username of accounts[${first}]` }];
  });
}

/**
 * `CONTOSO\anna` is a person of `*@contoso.com`. An account called `contoso` would conflict: its name is part of many,
 * and guesses at it could not be distinguished from guesses at theirs.
 */
function domainClashes(raw: Raw): Problem[] {
  const usernames = list(raw.accounts).map((value) => text(object(value).username)?.normalize('NFC').toLowerCase());
  const domains = usernames
    .filter((name) => name !== undefined)
    .filter(isDomainPattern)
    .map(domainOf);
  return usernames.flatMap((name, index) => {
    const domain = domains.find((each) => name === each || name === each.split('.')[0]);
    if (domain === undefined) return [];
    return [
      {
        path: ['accounts', index, 'username'],
        text: `is the name of the domain of the account "*@${domain}", whose people may write it before theirs; choose another`,
      },
    ];
  });
}

/** A client in a network of two accounts could be either; the mailbox that sends must not depend on chance. */
function networkClashes(raw: Raw): Problem[] {
  const seen = new Map<string, Path>();
  const problems: Problem[] = [];
  list(raw.accounts).forEach((value, account) => {
    if (!has(object(value), 'send')) return;
    list(object(value).networks).forEach((entry, index) => {
      const name = canonicalNetwork(text(entry) ?? '');
      if (name === undefined) return;
      const path = ['accounts', account, 'networks', index];
      const other = seen.get(name);
      if (other) problems.push({ path, text: `is the same network as ${pathText(other)}` });
      else seen.set(name, path);
    });
  });
  return problems;
}

/** A canonical spelling of a network, or undefined if it is not one. */
function canonicalNetwork(entry: string): string | undefined {
  const network = readNetwork(entry);
  if (network === undefined) return undefined;
  const { address, prefix } = network;
  const bits = isIPv6(address) ? addressBits6(address) : addressBits4(address);
  return `${isIPv6(address) ? 6 : 4}:${bits.slice(0, prefix)}`;
}

function addressBits4(address: string): string {
  return address
    .split('.')
    .map((part) => Number(part).toString(2).padStart(8, '0'))
    .join('');
}

function addressBits6(address: string): string {
  const canonical = URL.parse(`http://[${address}]`)?.hostname.slice(1, -1) ?? '';
  const [head = '', tail] = canonical.split('::');
  const before = head.split(':').filter(Boolean);
  const after = (tail ?? '').split(':').filter(Boolean);
  const groups = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
  return groups.map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0')).join('');
}

function queueRules(raw: Raw): Problem[] {
  const queue = object(raw.queue);
  const problems: Problem[] = [];
  if (queue.store === 'postgres' && !has(queue, 'postgres')) {
    problems.push({ path: ['queue', 'store'], text: 'needs queue.postgres, with the url of the database' });
  }
  // An administrator who is about to move the queue sets both.
  if (has(queue, 'postgres') && !has(queue, 'store')) {
    problems.push({
      path: ['queue', 'postgres'],
      text: 'needs "store": "postgres", or "store": "sqlite" until the queue is moved',
    });
  }
  const base = queue.retryBaseSeconds ?? 60;
  const max = queue.retryMaxSeconds ?? 3600;
  if (typeof base === 'number' && typeof max === 'number' && base > max) {
    problems.push({ path: ['queue', 'retryMaxSeconds'], text: `must be at least retryBaseSeconds (${base})` });
  }
  return problems;
}

/** A file on one machine is of no use if instances share the sign-ins. */
function sharedStoreRules(raw: Raw): Problem[] {
  const store = text(object(raw.queue).store) ?? 'sqlite';
  if (store === 'sqlite') return [];
  return Object.entries(object(raw.connections)).flatMap(([name, connection]) =>
    has(object(connection), 'tokenFile')
      ? [
          {
            path: ['connections', name, 'tokenFile'],
            text: `is not used with queue.store "${store}", where instances share the sign-ins: leave it out`,
          },
        ]
      : [],
  );
}
