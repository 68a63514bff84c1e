import type { Simulator } from '../../simulator/simulator.ts';
import type { Screen } from '../terminal/screen.ts';
import { type DemoPorts, demoPassword } from './walk.ts';

export interface DemoSettings {
  readonly ports: DemoPorts;
  readonly authorityFile: string;
  readonly configFile: string;
  readonly simulator: Simulator;
  /** URL of the pages for administrators; it signs in. */
  readonly pages: string;
}

/** Shows what a visitor needs to try it with their own clients. */
export function tellDemoSettings(settings: DemoSettings, screen: Screen): void {
  const { ports, authorityFile, configFile, simulator, pages } = settings;
  const [from = '', to = '', second = ''] = simulator.mailboxes;
  const host = '127.0.0.1';
  screen.blank();
  screen.say('Look at it in a browser; this address signs in:');
  screen.blank();
  screen.command(pages, 2);
  screen.blank();
  screen.say(`Try it with your own programs. Server ${host}, STARTTLS, password ${demoPassword}:`);
  screen.blank();
  const programs = [
    { protocol: 'SMTP', port: ports.smtp, username: 'scanner', mailbox: from, way: 'by Graph' },
    { protocol: 'SMTP', port: ports.smtp, username: 'erp', mailbox: from, way: 'by SMTP' },
    { protocol: 'IMAP', port: ports.imap, username: 'alice', mailbox: to, way: '' },
    { protocol: 'POP3', port: ports.pop3, username: 'alice-pop3', mailbox: to, way: '' },
    { protocol: 'IMAP', port: ports.imap, username: `demo/${second}`, mailbox: second, way: '' },
  ];
  screen.table(
    [
      { heading: 'PROTOCOL', value: ({ protocol }) => protocol },
      { heading: 'PORT', value: ({ port }) => String(port), align: 'right' },
      { heading: 'USERNAME', value: ({ username }) => username },
      { heading: 'MAILBOX', value: ({ mailbox }) => mailbox },
      { heading: '', value: ({ way }) => way },
    ],
    programs,
    2,
  );
  screen.blank();
  const trusting = `curl --ssl-reqd --cacert ${authorityFile}`;
  screen.command(
    `swaks --server ${host}:${ports.smtp} -tls -au scanner -ap ${demoPassword} --from ${from} --to ${to}`,
    2,
  );
  screen.command(`${trusting} -u alice:${demoPassword} 'imap://${host}:${ports.imap}/INBOX;MAILINDEX=*'`, 2);
  screen.command(`${trusting} -u alice-pop3:${demoPassword} pop3://${host}:${ports.pop3}/1`, 2);
  screen.blank();
  const places = [
    ['certificate authority', authorityFile],
    ['configuration', configFile],
    ["simulator's controls", simulator.endpoints.control],
  ] as const;
  screen.table(
    [
      { heading: '', value: ([name]) => name },
      { heading: '', value: ([, place]) => place },
    ],
    places,
    2,
  );
  screen.blank();
  screen.say('What your programs do appears below. Ctrl-C ends it and removes everything it made.');
  screen.blank();
}
