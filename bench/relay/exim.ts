import { type ExecFileSyncOptionsWithStringEncoding, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, openSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../../test/support/ports.ts';
import { greeted, type RelayKind, type RelaySettings } from './relay.ts';

/** Exim as a smarthost, with its own configuration and spool. Must be started by root. */
export function exim(program: string): RelayKind {
  return {
    name: 'exim',
    version: () => execFileSync(program, ['-C', '/dev/null', '-bV'], quiet).split(' #')[0] ?? 'Exim',
    async start(settings) {
      const port = await freePorts();
      const { folder } = settings;
      const spool = join(folder, 'spool');
      mkdirSync(spool);
      chownSync(spool, id('-u'), id('-g'));
      chownSync(folder, id('-u'), id('-g'));
      writeFileSync(join(folder, 'ca.pem'), settings.sink.caPem);
      writeFileSync(join(folder, 'exim.conf'), configuration(program, settings, port));
      const log = openSync(join(folder, 'log'), 'a');
      const child = spawn(program, ['-C', join(folder, 'exim.conf'), '-bdf', '-q1s'], {
        stdio: ['ignore', log, log],
        detached: true,
      });
      const { pid } = child;
      if (pid === undefined) throw new Error(`${program} cannot be started`);
      const exited = once(child, 'exit');
      await greeted(port, () => (child.exitCode === null ? undefined : `Exim has ended; see ${folder}/log`));
      return {
        pids: [pid],
        ports: [port],
        // A message is two files; the header file comes last.
        queued: async () => readdirSync(join(spool, 'input')).filter((name) => name.endsWith('-H')).length,
        async stop() {
          process.kill(-pid, 'SIGTERM');
          await exited;
        },
      };
    },
  };
}

const quiet: ExecFileSyncOptionsWithStringEncoding = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] };

/** Id of the user that Debian's Exim runs as. */
function id(which: '-u' | '-g'): number {
  return Number(execFileSync('id', [which, 'Debian-exim'], { encoding: 'utf8' }));
}

/**
 * Exim's own defaults, except for the settings here. It delivers from its queue, with one queue runner per concurrent
 * delivery: by default it would start a process for every accepted message.
 */
function configuration(program: string, { folder, sink, concurrency }: RelaySettings, port: number): string {
  return `
primary_hostname = bench.example
spool_directory = ${folder}/spool
log_file_path = ${folder}/%slog
exim_path = ${program}
daemon_smtp_ports = ${port}
local_interfaces = 127.0.0.1
disable_ipv6
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts =
keep_environment =
queue_only
queue_run_max = ${concurrency}
smtp_accept_max = 100
smtp_accept_max_per_connection = 0
acl_smtp_rcpt = accept
acl_smtp_data = accept
never_users =
begin routers
upstream:
  driver = manualroute
  transport = smarthost
  route_list = * ${sink.host}
  host_find_failed = defer
  self = send
begin transports
smarthost:
  driver = smtp
  port = ${sink.smtpPort}
  hosts_require_tls = *
  tls_verify_certificates = ${folder}/ca.pem
  tls_verify_cert_hostnames = *
begin retry
* * F,1h,1s
`;
}
