import type { Bridge } from '../app/bridge.ts';
import { version } from '../app/version.ts';
import { isLoopback } from '../base/sockets/loopback.ts';
import type { Screen } from './terminal/screen.ts';
import { shellWord } from './terminal/shell-word.ts';

type Listener = Bridge['listeners'][number];

const securityNames = { none: 'no encryption', starttls: 'STARTTLS', tls: 'TLS' } as const;

/**
 * What a person who has just started the bridge wants to know: what to enter in the clients, and what comes next.
 * @param config as named on the command line
 */
export function tellBanner(bridge: Bridge, config: string | undefined, screen: Screen): void {
  const { listeners, authorityFile, pagesUrl } = bridge;
  screen.say(`mailbridge ${version()}`, { style: 'bold' });
  screen.blank();
  screen.say('Programs and devices connect to:');
  screen.table(
    [
      { heading: '', value: ({ protocol }: Listener) => protocol.toUpperCase() },
      { heading: '', value: ({ port }) => `port ${port}` },
      { heading: '', value: ({ security }) => securityNames[security] },
      { heading: '', value: ({ host }) => addressesOf(bridge, host) },
    ],
    listeners,
    2,
  );
  screen.blank();
  if (authorityFile !== undefined) {
    screen.say('They have to trust the certificate authority that was made here:');
    screen.say(authorityFile, { indent: 2 });
    screen.blank();
  }
  const named = (command: string) => `${command}${config === undefined ? '' : ` --config ${shellWord(config)}`}`;
  if (pagesUrl !== undefined) {
    screen.say(`Pages for administrators: ${pagesUrl}`);
    screen.say(`The token to sign in with: ${named('mailbridge admin token')}`, { indent: 2 });
    screen.blank();
  }
  screen.say(
    `Next, in another terminal: ${named('mailbridge check')} tries every hop to Microsoft. Ctrl-C stops the bridge.`,
  );
  screen.blank();
}

/** What to enter elsewhere to reach a listener. */
function addressesOf(bridge: Bridge, host: string): string {
  const hosts = bridge.clientHosts(host);
  return isLoopback(host) && hosts.length === 1 ? `${host} (from this machine only)` : hosts.join(' or ');
}
