import { BridgeError, errorText } from '../../base/errors.ts';
import { systemConfig } from '../../base/system/system-paths.ts';
import { isValidAddress, splitAddress } from '../../message/address/address.ts';
import { HeaderTooLargeError } from '../../message/header/fields.ts';
import { editHeader } from '../../message/header/stream.ts';
import { runQueue } from '../queue/command.ts';
import { showHelp } from '../terminal/help.ts';
import type { CliIo } from '../terminal/io.ts';
import { Screen } from '../terminal/screen.ts';
import { readSendmailArguments, type SendmailArguments } from './arguments.ts';
import { exitCodes, SendmailError } from './exit.ts';
import { handOver } from './hand-over.ts';
import { argumentRecipients, handedHeader, headerRecipients } from './header.ts';
import { messageLines } from './lines.ts';
import { findServer, type SendmailServer, sendmailConfigPath } from './server.ts';

const usage = `Usage: mailbridge sendmail [-t] [-i] [-f SENDER] [-F NAME] [RECIPIENT ...]

Replaces /usr/sbin/sendmail: reads a message from standard input and hands it to the running
bridge over SMTP.

  -t            also sends to the recipients in To, Cc and Bcc; Bcc is removed
  -i, -oi       a line with only a dot does not end the message
  -f, -r ADDR   the sender (reverse-path); without a domain: the account's mailbox
  -F NAME       name for a missing From
  -bp, -q       print the queue; make everything in it due now

  --account NAME      the account to send as
  --server HOST:PORT  the listener, without reading a configuration; an account's "networks" must
                      include this machine
  --sender ADDR       the sender if -f names none
  --config FILE       else MAILBRIDGE_CONFIG, else ${systemConfig}

Other options of sendmail are ignored. Exit codes are those of sysexits.h: 75 means that
another try can help, mainly when the bridge is not running.

Example: mailbridge sendmail -t < message.eml
`;

/** `mailbridge sendmail`. Its exit codes are those its callers expect, not those of the other commands. */
export async function runSendmail(args: string[], io: CliIo): Promise<number> {
  try {
    const request = readSendmailArguments(args);
    if (request.mode === 'send') return await sendMessage(request, io);
    if (request.mode === 'help') return showHelp(io, usage);
    if (request.mode === 'print-queue') return await onQueue(['list'], request, io);
    if (request.mode === 'retry-queue') return await onQueue(['retry', '--all'], request, io);
    // There are no aliases here to rebuild.
    return exitCodes.ok;
  } catch (error) {
    // It may quote external text; the callers' logs expect one line for an error.
    const text = `sendmail: ${errorText(error).replace(/[\p{Cc}\s]+/gu, ' ')}`;
    new Screen(io.stderr, io.env).say(text, { hanging: 2 });
    if (error instanceof SendmailError) return error.exitCode;
    if (error instanceof HeaderTooLargeError) return exitCodes.dataError;
    return error instanceof BridgeError ? exitCodes.config : exitCodes.software;
  }
}

async function onQueue(action: string[], request: SendmailArguments, io: CliIo): Promise<number> {
  const code = await runQueue([...action, '--config', sendmailConfigPath(request, io.env)], io);
  return code === 0 ? exitCodes.ok : exitCodes.unavailable;
}

async function sendMessage(request: SendmailArguments, io: CliIo): Promise<number> {
  const recipients = argumentRecipients(request.recipients);
  if (recipients.length === 0 && !request.fromHeader) {
    throw new SendmailError(exitCodes.usage, 'no recipient: give addresses, or -t to use those of the header');
  }
  const server = await findServer(request, io.env);
  const sender = senderOf(request, server);
  const input = messageLines(io.stdin as AsyncIterable<Buffer | string>, request.ignoreDots);
  const content = editHeader(input, (header) => {
    if (request.fromHeader) recipients.push(...headerRecipients(header));
    return handedHeader(header, { fromHeader: request.fromHeader, name: request.name, sender });
  });
  // Only the header knows all recipients.
  const beginning = await content.next();
  const distinct = [...new Set(recipients)];
  if (distinct.length === 0) throw new SendmailError(exitCodes.usage, 'the header names no recipient');
  const { refused } = await handOver(server, { sender, recipients: distinct, content: resumed(beginning, content) });
  if (refused.length === 0) return exitCodes.ok;
  throw new SendmailError(exitCodes.noUser, `refused: ${refused.join(', ')}; the others are accepted`);
}

async function* resumed(beginning: IteratorResult<Buffer>, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  if (beginning.done !== true) yield beginning.value;
  yield* rest;
}

/** A local user's name, which cron gives, is not an address at Microsoft. */
function senderOf({ sender }: SendmailArguments, server: SendmailServer): string {
  if (sender === '<>') return '';
  const address = sender?.replace(/^<(.*)>$/, '$1') ?? '';
  if (splitAddress(address).domain !== '') return validSender(address, '-f');
  if (server.sender !== '') return validSender(server.sender, '--sender');
  throw new SendmailError(exitCodes.usage, 'no sender: give -f ADDRESS or --sender ADDRESS');
}

function validSender(address: string, option: string): string {
  if (isValidAddress(address, { smtpUtf8: true })) return address;
  throw new SendmailError(exitCodes.dataError, `the sender of ${option} is not an address: ${address.slice(0, 100)}`);
}
