import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { ImapFlow } from 'imapflow';
import Pop3Command from 'node-pop3';
import { type Fetched, freshFolder, type MailFetcher, type ReadLogin, readFiles, runAtHome } from './read-clients.ts';

const pythonProgram = `
import imaplib, json, os, poplib, ssl, sys
o = json.load(sys.stdin)
context = ssl.create_default_context(cafile=o['authorityFile'])
def write(n, data):
    with open(os.path.join(o['mail'], str(n)), 'wb') as f:
        f.write(data)
if o['protocol'] == 'imap':
    if o['security'] == 'tls':
        m = imaplib.IMAP4_SSL('localhost', o['port'], ssl_context=context)
    else:
        m = imaplib.IMAP4('localhost', o['port'])
        m.starttls(context)
    m.authenticate('PLAIN', lambda _: ('\\0' + o['username'] + '\\0' + o['password']).encode())
    m.select()
    numbers = m.search(None, 'ALL')[1][0].split()
    for n in numbers:
        # Flags that others have set come without a literal.
        parts = m.fetch(n.decode(), '(BODY.PEEK[])')[1]
        write(n.decode(), next(part[1] for part in parts if isinstance(part, tuple)))
    if o['delete'] and numbers:
        m.store(b','.join(numbers).decode(), '+FLAGS.SILENT', '\\\\Deleted')
        m.expunge()
    m.close()
    m.logout()
else:
    if o['security'] == 'tls':
        p = poplib.POP3_SSL('localhost', o['port'], context=context)
    else:
        p = poplib.POP3('localhost', o['port'])
        p.stls(context)
    p.encoding = 'UTF-8'
    p.user(o['username'])
    p.pass_(o['password'])
    uidl = p.uidl()[1]
    assert len(set(each.split()[1] for each in uidl)) == p.stat()[0], 'a UIDL for each'
    for each in uidl:
        n = int(each.split()[0])
        size = int(p.list(n).split()[2])
        data = b''.join(line + b'\\r\\n' for line in p.retr(n)[1])
        assert size == len(data), f'LIST tells {size} octets of {len(data)}'
        header = p.top(n, 0)[1]
        assert data.startswith(b''.join(line + b'\\r\\n' for line in header)), 'TOP is how RETR begins'
        write(n, data)
        if o['delete']:
            p.dele(n)
    p.quit()
`;

/** Python's imaplib and poplib. */
export const python: MailFetcher = {
  name: 'Python',
  programs: ['python3'],
  protocols: ['imap', 'pop3'],
  starttls: true,
  async fetch(login, folder, afterwards, seconds) {
    const mail = await freshFolder(folder, 'mail');
    const order = JSON.stringify({ ...login, mail, delete: afterwards === 'delete' });
    const result = await runAtHome(folder, ['python3', '-c', pythonProgram], order, seconds);
    return { result, messages: await readFiles(mail) };
  },
};

const perlProgram = `
use strict; use warnings;
use JSON::PP; use Mail::IMAPClient;
my $o = decode_json(join '', <STDIN>);
my $tls = [SSL_ca_file => $o->{authorityFile}, SSL_verifycn_name => 'localhost', SSL_verify_mode => 1];
my $m = Mail::IMAPClient->new(
  Server => 'localhost', Port => $o->{port}, Uid => 1, Peek => 1,
  User => $o->{username}, Password => $o->{password},
  ($o->{security} eq 'tls' ? 'Ssl' : 'Starttls') => $tls,
) or die $@;
$m->select('INBOX') or die $m->LastError;
my @uids = $m->messages;
for my $uid (@uids) {
  $m->message_to_file("$o->{mail}/$uid", $uid) or die $m->LastError;
}
if ($o->{delete}) {
  $m->delete_message(@uids) or die $m->LastError;
  $m->expunge or die $m->LastError;
}
$m->logout or die $m->LastError;
`;

/** Perl's Mail::IMAPClient. */
export const perl: MailFetcher = {
  name: 'Mail::IMAPClient',
  programs: ['perl'],
  perlModules: ['Mail::IMAPClient', 'IO::Socket::SSL'],
  protocols: ['imap'],
  starttls: true,
  asciiPasswordsOver: ['imap'],
  async fetch(login, folder, afterwards, seconds) {
    const mail = await freshFolder(folder, 'mail');
    const order = JSON.stringify({ ...login, mail, delete: afterwards === 'delete' });
    const result = await runAtHome(folder, ['perl', '-e', perlProgram], order, seconds);
    return { result, messages: await readFiles(mail) };
  },
};

const capabilitiesProgram = `
import imaplib, json, ssl, sys
o = json.load(sys.stdin)
context = ssl.create_default_context(cafile=o['authorityFile'])
m = imaplib.IMAP4_SSL('localhost', o['port'], ssl_context=context)
print(*m.capabilities)
m.authenticate('PLAIN', lambda _: ('\\0' + o['username'] + '\\0' + o['password']).encode())
print(m.response('CAPABILITY')[1][-1].decode())
m.logout()
`;

/** Prints the capabilities that imaplib fetched itself, and those sent with its login. */
export function capabilitiesOfImaplib(folder: string, login: ReadLogin) {
  return runAtHome(folder, ['python3', '-c', capabilitiesProgram], JSON.stringify(login));
}

/** An ImapFlow, connected. */
export async function connectImapFlow(login: ReadLogin): Promise<ImapFlow> {
  const flow = new ImapFlow({
    host: 'localhost',
    port: login.port,
    secure: login.security === 'tls',
    doSTARTTLS: login.security === 'starttls',
    tls: { ca: await readFile(login.authorityFile, 'utf8') },
    auth: { user: login.username, pass: login.password },
    logger: false,
  });
  // A broken connection is also reported by pending commands.
  flow.on('error', () => {});
  await flow.connect();
  return flow;
}

export const imapflow: MailFetcher = {
  name: 'imapflow',
  programs: [],
  protocols: ['imap'],
  starttls: true,
  fetch(login, _, afterwards, seconds) {
    return fetched(seconds, async () => {
      const flow = await connectImapFlow(login);
      const lock = await flow.getMailboxLock('INBOX');
      const messages = await flow.fetchAll('1:*', { source: true });
      if (afterwards === 'delete') await flow.messageDelete('1:*');
      lock.release();
      await flow.logout();
      return messages.map(({ source }) => source?.toString('latin1') ?? '');
    });
  },
};

export const nodePop3: MailFetcher = {
  name: 'node-pop3',
  programs: [],
  protocols: ['pop3'],
  starttls: false,
  fetch({ port, username: user, password, authorityFile }, _, afterwards, seconds) {
    return fetched(seconds, async () => {
      const tlsOptions = { ca: await readFile(authorityFile, 'utf8') };
      const settings = { host: 'localhost', port, tls: true, user, password, tlsOptions };
      const pop3 = new Pop3Command(settings as ConstructorParameters<typeof Pop3Command>[0]);
      const messages: string[] = [];
      for (const [number] of (await pop3.UIDL()) as string[][]) {
        messages.push(asReceived(await pop3.RETR(Number(number))));
        if (afterwards === 'delete') await pop3.command('DELE', String(number));
      }
      await pop3.QUIT();
      return messages;
    });
  },
};

/** node-pop3 treats octets as UTF-8, leaves dots doubled, and usually removes the last line end. */
function asReceived(retrieved: string): string {
  const message = `${retrieved.trimEnd()}\r\n`.replaceAll(/^\.\./gm, '.');
  return Buffer.from(message).toString('latin1');
}

/** A library may wait forever for an answer of a server that is gone. */
async function fetched(seconds = 25, fetch: () => Promise<string[]>): Promise<Fetched> {
  const over = new AbortController();
  const late = delay(seconds * 1000, undefined, { signal: over.signal }).then(() => {
    throw new Error(`not done in ${seconds} seconds`);
  });
  late.catch(() => {});
  try {
    return { result: { code: 0, output: '' }, messages: await Promise.race([fetch(), late]) };
  } catch (error) {
    return { result: { code: 1, output: String(error) }, messages: [] };
  } finally {
    over.abort();
  }
}
