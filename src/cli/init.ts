import { readFile, stat } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { dirname, resolve } from 'node:path';
import { hashPassword } from '../accounts/passwords.ts';
import { assertNoConfig, createConfigFile } from '../app/set-up/config-file.ts';
import { newPagesHost, newPagesPort } from '../app/set-up/pages-port.ts';
import { pagesUrl } from '../app/set-up/set-up-server.ts';
import { BridgeError, errorText, systemErrorCode } from '../base/errors.ts';
import { answerRules } from '../config/answer-rules.ts';
import { cloudNames } from '../config/clouds.ts';
import { courierKinds } from '../message/courier-kind.ts';
import { freePorts } from '../onboarding/free-ports.ts';
import { configOf, dataDirFor, hostOf, type NextStep, nextSteps, protocolsOf } from '../onboarding/init-config.ts';
import { collectAnswers } from '../onboarding/init-dialogue.ts';
import { makePassword } from '../onboarding/init-password.ts';
import { type InitAnswers, initQuestions } from '../onboarding/init-questions.ts';
import { firewallLine, ownAddresses } from '../onboarding/own-addresses.ts';
import { assertCanWrite, writeWholeFile } from '../onboarding/whole-file.ts';
import { readArguments } from './arguments.ts';
import { newConfigPath } from './config-path.ts';
import { terminalInterview } from './init-interview.ts';
import { askLine } from './terminal/ask-line.ts';
import { tellCommands } from './terminal/commands.ts';
import { showHelp } from './terminal/help.ts';
import type { CliIo } from './terminal/io.ts';
import { promptHidden } from './terminal/prompt-hidden.ts';
import { Screen } from './terminal/screen.ts';
import { shellWord } from './terminal/shell-word.ts';
import { shownPath } from './terminal/shown-path.ts';

const usage = `Usage: mailbridge init [--config FILE] [--yes] [--force] [--json] [an option for each answer]

Asks a few questions, makes a password for the programs that will connect, and writes a valid configuration. The
last line says what to run next. Answers can be piped in, one per line, or given as options:

  --use send|read|both        what will connect: devices that send, a mail program that reads
  --from here|network         where it runs: only on this machine, or on others too (default for --use send)
  --mailbox ADDRESS           the Microsoft 365 mailbox (user principal name)
  --sign-in app|person        as an app, without a person; or as a person who signs in once
  ${`--send ${courierKinds.join('|')}`.padEnd(27)} how mail is sent
  --read imap|pop3            how the mailbox is read
  --tenant ID|DOMAIN          default: the domain of the mailbox
  --client-id GUID            of an existing app registration
  --client-secret-file FILE, --client-secret-env NAME
                              where its secret is; without one a certificate is expected, which register-app makes
  --name NAME                 of the connection; default: after the domain
  --username NAME             that programs log in with; default: after the mailbox
  --networks LIST             networks whose devices send without a password, separated by commas
  --cloud NAME|FILE           ${cloudNames.join(', ')}; or a JSON file with your own endpoints, such as
                              simulate --write FILE writes

  --yes    asks nothing: uses the defaults for what no option sets
  --force  replaces an existing configuration

Example: mailbridge init --yes --use send --mailbox scanner@contoso.com
`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const options = {
  use: text,
  from: text,
  mailbox: text,
  'sign-in': text,
  send: text,
  read: text,
  tenant: text,
  'client-id': text,
  'client-secret-file': text,
  'client-secret-env': text,
  name: text,
  username: text,
  networks: text,
  cloud: text,
  config: { type: 'string', short: 'c' },
  yes: { type: 'boolean', short: 'y' },
  force: flag,
  json: flag,
  help: { type: 'boolean', short: 'h' },
} as const;

type Run = (args: string[], io: CliIo) => Promise<number>;
type Values = ReturnType<typeof readOptions>;

/** `mailbridge init`. @param run runs the next command */
export async function runInit(args: string[], io: CliIo, run: Run): Promise<number> {
  const values = readOptions(args);
  if (values.help) return showHelp(io, usage);
  const path = newConfigPath(values.config, io.env);
  await assertNoConfig(path, values.force ?? false);
  await assertCanWrite(path);
  const dataDir = dataDirFor(path);
  const cloud = await cloudOption(values.cloud);
  const interview = values.yes ? undefined : terminalInterview(io);
  const answers = await collectAnswers(initQuestions(answerRules), givenAnswers(values), interview);
  const secret = await clientSecret(answers, values, io, dataDir);
  const password = makePassword();
  const admin = { port: await newPagesPort(resolve(dirname(path), dataDir)) };
  const config = configOf(answers, {
    passwordHash: await hashPassword(password),
    ports: await freePorts(hostOf(answers), protocolsOf(answers)),
    clientSecret: secret?.source,
    dataDir,
    cloud,
    admin,
  });
  await createConfigFile(path, config, values.force ?? false, async () => {
    if (secret?.typed !== undefined && 'file' in secret.source) {
      await writeWholeFile(resolve(dirname(path), secret.source.file), `${secret.typed}\n`, 0o600);
    }
  });
  const steps = nextSteps(answers, secret !== undefined).map((step) => withConfig(step, values.config));
  if (values.json) {
    const { username, name } = answers;
    const next = steps.map((step) => step.args);
    const made = {
      config: resolve(path),
      connection: name,
      username,
      password,
      pages: pagesUrl(newPagesHost, admin.port),
      next,
    };
    io.stdout.write(`${JSON.stringify(made, null, 2)}\n`);
    return 0;
  }
  const screen = new Screen(io.stdout, io.env);
  screen.say(told(path, config, { username: answers.username, password, pages: pagesUrl(newPagesHost, admin.port) }));
  tellCommands(
    steps.map(({ args, does }) => ({ command: `mailbridge ${args.map(shellWord).join(' ')}`, does })),
    screen,
  );
  return values.yes ? 0 : await offer(steps[0], io, run);
}

function readOptions(args: string[]) {
  return readArguments('init', { args, options }).values;
}

function givenAnswers(values: Values): InitAnswers {
  const { config: _c, yes: _y, force: _f, json: _j, help: _h, cloud: _o, ...rest } = values;
  const { 'client-secret-file': _s, 'client-secret-env': _e, ...answers } = rest;
  return answers;
}

/** A named cloud, or the object in a file, alone or as part of the output of `simulate`. @throws BridgeError `usage` */
async function cloudOption(given: string | undefined): Promise<unknown> {
  if (given === undefined || given === 'global') return undefined;
  if ((cloudNames as readonly string[]).includes(given)) return given;
  try {
    return cloudIn(await readSmallFile(given));
  } catch (cause) {
    const reason = systemErrorCode(cause) ?? (cause instanceof SyntaxError ? 'not JSON' : errorText(cause));
    throw new BridgeError(
      'usage',
      `--cloud is neither a known cloud nor a file that describes one (${reason}): ${given}.`,
      {
        cause,
        remedy: `Known are ${cloudNames.join(', ')}.`,
      },
    );
  }
}

const mostCloudBytes = 1024 * 1024;

/** @throws Error of the file system, or if it is not a small file */
async function readSmallFile(path: string): Promise<string> {
  const facts = await stat(path);
  if (!facts.isFile()) throw new Error('not a regular file');
  if (facts.size > mostCloudBytes) throw new Error('too large');
  return await readFile(path, 'utf8');
}

/** @throws Error for a text that is not a JSON object */
function cloudIn(text: string): object {
  const described: unknown = JSON.parse(text);
  const cloud = isObject(described) && 'cloud' in described ? described.cloud : described;
  if (isObject(cloud)) return cloud;
  throw new Error('no JSON object');
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

interface ClientSecret {
  readonly source: { readonly env: string } | { readonly file: string };
  /** The secret to write to the named file, if it was typed in. */
  readonly typed?: string;
}

/** Where the secret of an existing app comes from; undefined for a certificate. */
async function clientSecret(
  answers: InitAnswers,
  values: Values,
  io: CliIo,
  dataDir: string,
): Promise<ClientSecret | undefined> {
  const { 'client-secret-env': env, 'client-secret-file': file } = values;
  if (env !== undefined && file !== undefined) {
    throw new BridgeError('usage', 'Give --client-secret-env or --client-secret-file, not both.');
  }
  if (env !== undefined) return { source: { env } };
  if (file !== undefined) return { source: { file } };
  const isAsked = !values.yes && answers['sign-in'] === 'app' && answers['client-id'] !== '';
  // A client id given by an option comes with options for its secret.
  if (!isAsked || values['client-id'] !== undefined) return undefined;
  const prompt =
    '\nWhat is the value of its client secret?\n  It is kept in a separate file. Empty: none, a certificate is used instead.\n> ';
  const typed = io.stdin.isTTY ? await promptHidden(io, prompt, 1024) : await askLine(io, prompt);
  if (typed === undefined || typed.trim() === '') return undefined;
  return { source: { file: `${dataDir}/${answers.name}.secret` }, typed: typed.trim() };
}

function withConfig(step: NextStep, config: string | undefined): NextStep {
  return config === undefined ? step : { ...step, args: [...step.args, '--config', config] };
}

interface ToldLogin {
  readonly username: string | undefined;
  readonly password: string;
  /** Where the pages for administrators will be. */
  readonly pages: string;
}

function told(path: string, config: Record<string, unknown>, { username, password, pages }: ToldLogin): string {
  return `
✓ ${shownPath(path)} is written.

Programs connect with:
${connectionSettings(config.listeners as readonly WrittenListener[])}  username  ${username}
  password  ${password}

The password is shown only once: the file contains its hash. mailbridge hash-password makes another.

Once the bridge runs, administrators find its pages at ${pages}

Next:`;
}

interface WrittenListener {
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
}

/** Host and ports to enter on a device, and what lets it in. */
function connectionSettings(listeners: readonly WrittenListener[]): string {
  const isOpen = listeners.some(({ host }) => host === '0.0.0.0');
  const hosts = isOpen ? ownAddresses(hostname(), networkInterfaces()) : ['127.0.0.1'];
  const ports = listeners.map(
    ({ protocol, port }) => `  ${protocol.toUpperCase().padEnd(8)}  port ${port}, STARTTLS\n`,
  );
  const firewall = isOpen
    ? `  firewall  if this machine has one: ${firewallLine(listeners.map(({ port }) => port))}\n`
    : '';
  return `  host      ${hosts.join(', or ')}\n${ports.join('')}${firewall}`;
}

/** On a terminal, runs the first of the next commands if wanted. */
async function offer(step: NextStep | undefined, io: CliIo, run: Run): Promise<number> {
  if (step === undefined || !io.stdin.isTTY) return 0;
  const answer = await askLine(io, `\nRun mailbridge ${step.args.map(shellWord).join(' ')} now? [y/N] `);
  return /^y(es)?$/i.test(answer?.trim() ?? '') ? await run([...step.args], io) : 0;
}
