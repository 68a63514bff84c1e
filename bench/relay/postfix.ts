import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePorts } from '../../test/support/ports.ts';
import { greeted, type RelayKind, type RelaySettings } from './relay.ts';

/** Postfix as a smarthost, with its own configuration and queue. Must be started by root. */
export const postfix: RelayKind = {
  name: 'postfix',
  version: () => `Postfix ${postconf('mail_version')}`,
  async start(settings) {
    const port = await freePorts();
    const folder = settings.folder;
    const conf = join(folder, 'conf');
    for (const name of ['conf', 'queue', 'data']) mkdirSync(join(folder, name));
    const owner = Number(execFileSync('id', ['-u', 'postfix'], { encoding: 'utf8' }));
    chownSync(join(folder, 'data'), owner, statSync(folder).gid);
    chmodSync(join(folder, 'data'), 0o700);
    writeFileSync(join(folder, 'ca.pem'), settings.sink.caPem);
    writeFileSync(join(conf, 'main.cf'), mainCf(settings));
    writeFileSync(join(conf, 'master.cf'), masterCf(port));
    const log = openSync(join(folder, 'log'), 'a');
    // `postfix start-fg` without a terminal requires its own process group.
    const child = spawn('postfix', ['-c', conf, 'start-fg'], { stdio: ['ignore', log, log], detached: true });
    const exited = once(child, 'exit');
    await greeted(port, () => (child.exitCode === null ? undefined : `Postfix has ended; see ${folder}/log`));
    return {
      pids: [Number(readFileSync(join(folder, 'queue/pid/master.pid'), 'utf8').trim())],
      ports: [port],
      queued: async () =>
        ['incoming', 'active', 'deferred'].reduce((n, each) => n + files(join(folder, 'queue', each)), 0),
      async stop() {
        await promisify(execFile)('postfix', ['-c', conf, 'stop']);
        await exited;
      },
    };
  },
};

function postconf(name: string): string {
  return execFileSync('postconf', ['-dh', name], { encoding: 'utf8' }).trim();
}

/** Debian's and Postfix's own defaults, except for the settings here. */
function mainCf({ folder, sink, concurrency }: RelaySettings): string {
  return `
compatibility_level = 3.6
queue_directory = ${folder}/queue
data_directory = ${folder}/data
meta_directory = /etc/postfix
daemon_directory = ${postconf('daemon_directory')}
maillog_file = ${folder}/log
maillog_file_prefixes = ${folder}
myhostname = bench.example
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
# Otherwise acceptance is slowed on purpose while delivery does not keep up.
in_flow_delay = 0
relayhost = [${sink.host}]:${sink.smtpPort}
smtp_tls_security_level = verify
smtp_tls_verify_cert_match = localhost
smtp_tls_CAfile = ${folder}/ca.pem
smtp_tls_session_cache_database = btree:${folder}/data/smtp_scache
# TLS connections serve more than one message, as those of mailbridge do.
smtp_tls_connection_reuse = yes
initial_destination_concurrency = ${concurrency}
default_destination_concurrency_limit = ${concurrency}
`;
}

/** The required services of Debian's master.cf, without chroot. */
function masterCf(port: number): string {
  return `
127.0.0.1:${port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsproxy unix - - n - 0 tlsproxy
postlog unix-dgram n - n - 1 postlogd
`;
}

function files(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;
}
