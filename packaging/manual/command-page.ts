import { systemConfig, systemDataDir, systemTokenKey } from '../../src/base/system/system-paths.ts';
import type { CommandHelp } from '../../src/cli/help/command-help.ts';
import { head, item, page, paragraph, section, subsection } from './roff.ts';
import { usageParts } from './usage.ts';

/** mailbridge(1), from the table of commands and each one's `--help`. */
export function commandPage(commands: readonly CommandHelp[], version: string, date: string): string {
  return page([
    head('mailbridge', 1, version, date),
    section('NAME'),
    'mailbridge \\- SMTP, IMAP and POP3 for Microsoft 365 with a user name and a password',
    section('SYNOPSIS'),
    '.B mailbridge\n.I COMMAND\n[\\fB\\-\\-config\\fR \\fIFILE\\fR] [\\fB\\-\\-json\\fR]',
    section('DESCRIPTION'),
    description,
    section('COMMANDS'),
    ...commands.flatMap(({ name, summary, usage }) => [
      subsection(name),
      paragraph(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`),
      ...usageParts(usage),
    ]),
    subsection('help'),
    paragraph(
      '`mailbridge help COMMAND` describes a command, `mailbridge help TOPIC` prints a document, `mailbridge help configuration KEY` and `mailbridge help errors CODE` only the part about one of them.',
    ),
    section('ENVIRONMENT'),
    ...environment.map(([name, meaning]) => item(name, meaning)),
    section('FILES'),
    ...files.map(([path, meaning]) => item(path, meaning)),
    section('EXIT STATUS'),
    ...exits.map(([code, meaning]) => item(code, meaning)),
    section('SEE ALSO'),
    '.BR mailbridge\\-config (5)',
  ]);
}

const description = paragraph(
  'Software that cannot do modern authentication logs in to mailbridge with a user name and a password, or by its network address. mailbridge talks to Microsoft 365 for it: with Graph, or by SMTP, IMAP and POP3 with XOAUTH2. It gets and renews the tokens, and keeps accepted mail until Microsoft has it.',
);

const environment = [
  ['MAILBRIDGE_CONFIG', 'The configuration file where `--config` names none.'],
  ['MAILBRIDGE_BACKUP_PASSPHRASE', 'The passphrase of `backup` and `restore`.'],
  ['HTTPS_PROXY, NO_PROXY', 'The HTTP proxy for Entra ID and Graph, where the configuration names none.'],
  ['NO_COLOR', 'Where it is set, nothing is coloured.'],
] as const;

const files = [
  [systemConfig, 'The configuration of the service, see mailbridge-config(5).'],
  [systemTokenKey, 'The key that encrypts the sign-ins of the service.'],
  [systemDataDir, 'Its data: queue, sign-ins, certificates that were made here.'],
] as const;

const exits = [
  ['0', 'Done.'],
  ['1', 'Failed.'],
  ['2', 'Wrong usage or a wrong configuration.'],
] as const;
