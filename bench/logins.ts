import { parseArgs } from 'node:util';
import { PasswordVerifier } from '../src/accounts/password-verifier.ts';
import { LdapPasswords } from '../src/accounts/sources/ldap/source.ts';
import { systemClock } from '../src/base/clock.ts';
import { silentLog } from '../src/base/log.ts';
import { contosoAccount, type Relay, startRelay } from '../test/support/relay.ts';
import { baseDn, Slapd, searcherDn, searcherPassword } from '../test/support/slapd.ts';
import { SmtpLogins } from './logins/smtp-logins.ts';

const usage = `Usage: node bench/logins.ts [--people N] [--logins N] [--at-once N]

Logins whose passwords OpenLDAP (slapd of Debian) checks: cold, each with a search and a bind over TLS, and warm, with what
was right remembered. First the source by itself, then SMTP: connect, EHLO, AUTH PLAIN, QUIT.
`;

const { values } = parseArgs({
  options: {
    people: { type: 'string', default: '300' },
    logins: { type: 'string', default: '3000' },
    'at-once': { type: 'string', default: '8' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const people = Array.from({ length: Number(values.people) }, (_, at) => ({
  uid: `person${at}`,
  password: `password-of-${at}`,
  mail: `person${at}@contoso.com`,
}));
const logins = Number(values.logins);
const atOnce = Number(values['at-once']);

/** Logs in the people in turn. @returns logins per second */
async function rate(count: number, login: (person: (typeof people)[number], lane: number) => Promise<boolean>) {
  let next = 0;
  const startedAt = performance.now();
  const lane = async (number: number) => {
    while (next < count) {
      const person = people[next++ % people.length] as (typeof people)[number];
      if (!(await login(person, number))) throw new Error(`${person.uid} was refused`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, (_, number) => lane(number)));
  return Math.round((count / (performance.now() - startedAt)) * 1000);
}

function told(what: string, cold: number, warm: number): void {
  console.log(
    `${what.padEnd(12)} cold ${String(cold).padStart(6)}/s   warm ${String(warm).padStart(7)}/s   ${(warm / cold).toFixed(1)} times`,
  );
}

async function sourceAlone(slapd: Slapd): Promise<void> {
  const person = {
    baseDn,
    searchBind: { dn: searcherDn, password: { reveal: () => searcherPassword } },
    filter: '(mail={username})',
  };
  const source = (rememberMs: number) =>
    new LdapPasswords({
      settings: { url: slapd.ldapsUrl, startTls: false, ca: slapd.ca, person, timeoutMs: 5_000, rememberMs },
      verifier: new PasswordVerifier(),
      clock: systemClock,
      log: silentLog,
    });
  const verify =
    (one: LdapPasswords) =>
    async ({ mail, password }: { mail: string; password: string }, lane: number) =>
      (await one.verify(mail, password, `192.0.2.${lane}`)).verdict === 'right';
  const [forgetful, remembering] = [source(0), source(600_000)];
  const cold = await rate(logins, verify(forgetful));
  await rate(people.length, verify(remembering));
  told('source', cold, await rate(logins, verify(remembering)));
  await Promise.all([forgetful.close(), remembering.close()]);
}

async function bySmtp(slapd: Slapd): Promise<void> {
  const searchBind = { dn: searcherDn, password: searcherPassword };
  const relay = async (rememberMinutes: number): Promise<Relay> => {
    const ldap = { url: slapd.ldapsUrl, caFile: slapd.caFile, baseDn, searchBind, rememberMinutes };
    const many = { username: '*@contoso.com', passwordFrom: { ldap }, connection: 'contoso', send: 'graph' } as const;
    return await startRelay({
      accounts: [contosoAccount('smtp'), many],
      listeners: [{ protocol: 'smtp', port: 0, security: 'none' }],
    });
  };
  const rates: number[] = [];
  for (const rememberMinutes of [0, 10]) {
    const one = await relay(rememberMinutes);
    const smtp = new SmtpLogins(one.port());
    const login = ({ mail, password }: { mail: string; password: string }) => smtp.login(mail, password);
    if (rememberMinutes > 0) await rate(people.length, login);
    rates.push(await rate(logins, login));
    await one.close();
  }
  told('SMTP', rates[0] ?? 0, rates[1] ?? 0);
}

async function run(): Promise<void> {
  const slapd = await Slapd.start(people);
  try {
    console.log(`${people.length} people, ${logins} logins, ${atOnce} at once`);
    await sourceAlone(slapd);
    await bySmtp(slapd);
  } finally {
    await slapd.stop();
  }
}

if (values.help) console.log(usage);
else await run();
