import { readLooseConfig } from '../app/set-up/loose-config.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { BridgeError } from '../base/errors.ts';
import { type ConsentLink, consentLink, readConsentAnswer } from '../onboarding/consent-link.ts';
import { consentScopes } from '../onboarding/consent-scopes.ts';
import { assertRegistered } from '../onboarding/init-config.ts';
import { listenForRedirect } from '../onboarding/loopback-redirect.ts';
import { numberOption, readArguments } from './arguments.ts';
import { configPath } from './config-path.ts';
import { assertHasTenant, namedConnection } from './named-connection.ts';
import { nextLogin } from './next-login.ts';
import { openBrowser } from './sign-in/open-browser.ts';
import { askLine } from './terminal/ask-line.ts';
import { showHelp } from './terminal/help.ts';
import { interruptible } from './terminal/interruptible.ts';
import type { CliIo } from './terminal/io.ts';
import { Screen } from './terminal/screen.ts';

const usage = `Usage: mailbridge consent [NAME] [--no-wait] [--scope SCOPE]... [--port N] [--no-browser] [--config FILE] [--json]

Prints the link for an administrator to consent to the permissions of a connection's app for the whole organization,
waits for the consent, and says what comes next.

  --no-wait     for an administrator elsewhere: reads the address that their browser ended at from standard input
  --scope       what to ask for, instead of what the connection needs; all of one service
  --port N      the port on this machine that the browser is sent back to (default: any free one)
  --no-browser  does not open a browser

The app registration needs the redirect URI http://localhost (mobile and desktop applications), or the redirectUri of
the connection. mailbridge register-app sets it, and gives the consent itself.

Example: mailbridge consent contoso
`;

const patienceMs = 15 * 60_000;

interface Request {
  readonly authority: string;
  readonly tenantId: string;
  readonly clientId: string;
}

interface Asking {
  readonly io: CliIo;
  readonly json: boolean;
  readonly browser: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** `mailbridge consent` */
export async function runConsent(args: string[], io: CliIo, clock: Clock = systemClock): Promise<number> {
  const { values, positionals } = readArguments('consent', {
    args,
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      'no-wait': { type: 'boolean', default: false },
      'no-browser': { type: 'boolean', default: false },
      scope: { type: 'string', multiple: true },
      port: { type: 'string', default: '0' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return showHelp(io, usage);
  const port = numberOption('port', values.port, 0, 65_535);
  const config = await readLooseConfig(configPath(values.config, io.env), io.env);
  const { name, connection } = namedConnection('consent', positionals, config);
  const endpoints = config.endpointsOf(name);
  const { clientId, tenantId } = connection;
  assertHasTenant(name, connection, `Each person consents for themself when they sign in: mailbridge login ${name}`);
  assertRegistered(name, clientId);
  if (typeof clientId !== 'string' || typeof tenantId !== 'string') {
    throw new BridgeError('usage', `Connection "${name}" has no app registration to consent to (clientId, tenantId).`, {
      remedy: 'mailbridge register-app makes one. A managed identity gets its permissions through PowerShell or Graph.',
    });
  }
  const scopes = values.scope ? [values.scope] : consentScopes(connection, config.accountsOf(name), endpoints);
  const request = {
    authority: endpoints.authority,
    tenantId: tenantId === 'common' ? 'organizations' : tenantId,
    clientId,
  };
  const redirect = typeof connection.redirectUri === 'string' ? connection.redirectUri : 'http://localhost';
  const consents = await interruptible((signal) => {
    const asking = { io, json: values.json, browser: !values['no-browser'], clock, signal };
    return values['no-wait']
      ? askForAddresses(request, scopes, redirect, asking)
      : waitForBrowser(request, scopes, port, asking);
  });
  conclude(name, connection, consents, values.json, io);
  return 0;
}

async function waitForBrowser(
  request: Request,
  scopes: readonly (readonly string[])[],
  port: number,
  asking: Asking,
): Promise<readonly string[]> {
  const listener = await listenForRedirect(port);
  const timeout = new AbortController();
  const timeoutError = new BridgeError('consent-timeout', 'Nobody consented within 15 minutes.');
  const cancelTimeout = asking.clock.after(patienceMs, () => timeout.abort(timeoutError));
  try {
    const tenants: string[] = [];
    for (const [index, wanted] of scopes.entries()) {
      const link = consentLink({ ...request, scopes: wanted, redirectUri: listener.redirectUri });
      show(link, index, scopes.length, asking);
      if (asking.browser) openBrowser(link.url, asking.io);
      progress(asking, `Waiting until the browser comes back to ${listener.redirectUri} (15 minutes at most) …`);
      const { tenantId } = await listener.receive({
        read: (address) => readConsentAnswer(address, link),
        elsewhere: 'consent-answer-invalid',
        thanks: () => 'Thank you: the consent was given.',
        signal: AbortSignal.any([asking.signal, timeout.signal]),
      });
      tenants.push(tenantId);
    }
    return tenants;
  } finally {
    cancelTimeout();
    await listener.close();
  }
}

/** The state lives as long as this run, so a link and its answer belong to the same run. */
async function askForAddresses(
  request: Request,
  scopes: readonly (readonly string[])[],
  redirectUri: string,
  asking: Asking,
): Promise<readonly string[]> {
  const tenants: string[] = [];
  for (const [index, wanted] of scopes.entries()) {
    const link = consentLink({ ...request, scopes: wanted, redirectUri });
    show(link, index, scopes.length, asking);
    progress(asking, 'When they have, their browser ends at a page that may be empty or missing.');
    const line = await askLine(asking.io, 'Paste its whole address here: ', asking.signal);
    const address = URL.parse(line?.trim() ?? '');
    if (!address)
      throw new BridgeError('consent-answer-invalid', 'This is not an address (https://… or http://localhost…).');
    tenants.push(readConsentAnswer(address, link).tenantId);
  }
  return tenants;
}

function show({ url }: ConsentLink, index: number, count: number, asking: Asking): void {
  const which =
    count === 1 ? '' : ` (${index + 1} of ${count}: one for each service, Microsoft Graph and Exchange Online)`;
  progress(asking, `Send this link to an administrator, or open it as one${which}:\n\n  ${url}\n`);
}

function progress({ io, json }: Asking, text: string): void {
  new Screen(json ? io.stderr : io.stdout, io.env).say(text);
}

function conclude(
  name: string,
  connection: Readonly<Record<string, unknown>>,
  tenants: readonly string[],
  json: boolean,
  io: CliIo,
): void {
  const [tenantId = ''] = tenants;
  if (json) {
    io.stdout.write(`${JSON.stringify({ connection: name, tenantId, consented: true }, null, 2)}\n`);
    return;
  }
  const next =
    connection.grant === 'client-credentials'
      ? `Next: mailbridge exchange-script ${name}, for the Exchange permissions; then mailbridge check ${name}.`
      : `Next: ${nextLogin(name, connection)}.`;
  new Screen(io.stdout, io.env).say(`\n✓ An administrator of tenant ${tenantId} has consented.\n${next}`);
}
