import { readFile } from 'node:fs/promises';
import { createTransport } from 'nodemailer';
import { type ProgramResult, runProgram } from './external.ts';
import { alice, reports } from './relay.ts';

/** How a client reaches the bridge and identifies itself: by password, or by its address. */
export interface ClientSettings {
  readonly port: number;
  readonly security: 'starttls' | 'tls' | 'none';
  readonly login?: { readonly username: string; readonly password: string; readonly mechanism?: 'PLAIN' | 'LOGIN' };
  readonly localAddress?: string;
  /** PEM file of the authority to trust. */
  readonly authorityFile: string;
}

/** The message to send, from reports@ to alice@. */
export interface Letter {
  /** A whole message, CRLF, to be sent unchanged … */
  readonly messageFile?: string;
  /** … or the parts that the client makes a message from. */
  readonly composed?: { readonly subject: string; readonly text: string; readonly attachments: readonly string[] };
}

/** A program that sends mail. */
export interface MailClient {
  readonly name: string;
  /** The program it needs; undefined if it is installed with the project. */
  readonly program?: string;
  send(settings: ClientSettings, letter: Letter): Promise<ProgramResult>;
}

const swaks: MailClient = {
  name: 'swaks',
  program: 'swaks',
  async send({ port, security, login, localAddress }, { messageFile, composed }) {
    const header = composed ? ['--header', `Subject: ${composed.subject}`] : [];
    // swaks adds its own line end at the end of its input.
    const message = messageFile ? (await readFile(messageFile, 'latin1')).replace(/\r\n$/, '') : '';
    const args = [
      ...['--server', '127.0.0.1', '--port', String(port), '--from', reports, '--to', alice],
      ...{ starttls: ['--tls'], tls: ['--tls-on-connect'], none: [] }[security],
      ...(login
        ? ['--auth', login.mechanism ?? 'PLAIN', '--auth-user', login.username, '--auth-password', login.password]
        : []),
      ...(localAddress ? ['--local-interface', localAddress] : []),
      ...(messageFile ? ['--data', '-'] : []),
      ...header,
      ...(composed ? ['--attach-body', composed.text] : []),
      ...(composed?.attachments ?? []).flatMap((file) => [
        '--attach-type',
        'application/octet-stream',
        '--attach',
        `@${file}`,
      ]),
    ];
    return await runProgram('swaks', args, Buffer.from(message, 'latin1'));
  },
};

const curl: MailClient = {
  name: 'curl',
  program: 'curl',
  send({ port, security, login, localAddress, authorityFile }, { messageFile, composed }) {
    const forms = (composed?.attachments ?? []).flatMap((file) => ['--form', `file=@${file};encoder=base64`]);
    return runProgram('curl', [
      ...['--silent', '--show-error', '--verbose', '--cacert', authorityFile],
      ...['--mail-from', reports, '--mail-rcpt', alice],
      ...(security === 'starttls' ? ['--ssl-reqd'] : []),
      ...(login ? ['--user', `${login.username}:${login.password}`] : []),
      ...(login?.mechanism ? ['--login-options', `AUTH=${login.mechanism}`] : []),
      ...(localAddress ? ['--interface', localAddress] : []),
      ...(messageFile ? ['--upload-file', messageFile] : []),
      ...(composed ? ['--form', `=${composed.text}`, ...forms] : []),
      ...(composed ? ['--header', `Subject: ${composed.subject}`, '--header', `From: ${reports}`] : []),
      `${security === 'tls' ? 'smtps' : 'smtp'}://127.0.0.1:${port}/client.test`,
    ]);
  },
};

const pythonProgram = `
import json, smtplib, ssl, sys
from email.message import EmailMessage
o = json.load(sys.stdin)
context = ssl.create_default_context(cafile=o['authorityFile'])
source = (o['localAddress'], 0) if o['localAddress'] else None
if o['security'] == 'tls':
    client = smtplib.SMTP_SSL('127.0.0.1', o['port'], source_address=source, context=context)
else:
    client = smtplib.SMTP('127.0.0.1', o['port'], source_address=source)
with client:
    if o['security'] == 'starttls':
        client.starttls(context=context)
    if o['username']:
        client.login(o['username'], o['password'])
    if o['messageFile']:
        content = open(o['messageFile'], 'rb').read()
        client.sendmail(o['sender'], [o['recipient']], content, mail_options=['BODY=8BITMIME'])
    else:
        m = EmailMessage()
        m['From'], m['To'], m['Subject'] = o['sender'], o['recipient'], o['subject']
        m.set_content(o['text'])
        for name in o['attachments']:
            data = open(name, 'rb').read()
            m.add_attachment(data, maintype='application', subtype='octet-stream', filename=name.split('/')[-1])
        client.send_message(m)
`;

const python: MailClient = {
  name: 'Python smtplib',
  program: 'python3',
  send({ login, localAddress, ...settings }, { messageFile, composed }) {
    const order = {
      ...settings,
      ...composed,
      sender: reports,
      recipient: alice,
      localAddress: localAddress ?? '',
      username: login?.username ?? '',
      password: login?.password ?? '',
      messageFile: messageFile ?? '',
    };
    return runProgram('python3', ['-c', pythonProgram], JSON.stringify(order));
  },
};

const nodemailer: MailClient = {
  name: 'nodemailer',
  async send({ port, security, login, localAddress }, { messageFile, composed }) {
    const transport = createTransport({
      host: '127.0.0.1',
      port,
      secure: security === 'tls',
      requireTLS: security === 'starttls',
      tls: { rejectUnauthorized: false },
      ...(localAddress ? { localAddress } : {}),
      ...(login ? { auth: { user: login.username, pass: login.password } } : {}),
      ...(login?.mechanism ? { authMethod: login.mechanism } : {}),
    });
    try {
      const sent = await transport.sendMail(
        composed
          ? {
              ...{ from: reports, to: alice, subject: composed.subject, text: composed.text },
              attachments: composed.attachments.map((path) => ({ path })),
            }
          : { envelope: { from: reports, to: [alice], use8BitMime: true }, raw: { path: messageFile ?? '' } },
      );
      return { code: 0, output: sent.response };
    } catch (error) {
      return { code: 1, output: String(error) };
    } finally {
      transport.close();
    }
  },
};

/** Third-party programs. */
export const mailClients: readonly MailClient[] = [swaks, curl, python, nodemailer];
