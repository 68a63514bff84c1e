import type { Simulator } from '../../simulator/simulator.ts';
import { type DemoPorts, demoPassword } from './walk.ts';

export interface DemoSettings {
  readonly ports: DemoPorts;
  readonly authorityFile: string;
  readonly configFile: string;
  readonly simulator: Simulator;
}

/** What a visitor needs to try it with clients of their own. */
export function demoSettings({ ports, authorityFile, configFile, simulator }: DemoSettings): string {
  const [from, to] = simulator.mailboxes;
  const login = `-au scanner -ap ${demoPassword}`;
  return `
Try it with your own programs. Server 127.0.0.1, password ${demoPassword}:

  protocol  port   encryption  username            mailbox
  SMTP      ${pad(ports.smtp)}  STARTTLS    scanner (by Graph)  ${from}
  SMTP      ${pad(ports.smtp)}  STARTTLS    erp (by SMTP)       ${from}
  IMAP      ${pad(ports.imap)}  STARTTLS    alice               ${to}
  POP3      ${pad(ports.pop3)}  STARTTLS    alice-pop3          ${to}

  swaks --server 127.0.0.1:${ports.smtp} -tls ${login} --from ${from} --to ${to}
  curl --ssl-reqd --cacert ${authorityFile} -u alice:${demoPassword} 'imap://127.0.0.1:${ports.imap}/INBOX;MAILINDEX=*'
  curl --ssl-reqd --cacert ${authorityFile} -u alice-pop3:${demoPassword} pop3://127.0.0.1:${ports.pop3}/1

  certificate authority   ${authorityFile}
  configuration           ${configFile}
  simulator's controls    ${simulator.endpoints.control}

What your programs do appears below. Ctrl-C ends it and removes everything it made.

`;
}

function pad(port: number): string {
  return String(port).padEnd(5);
}
