import { describe, expect, it } from 'vitest';
import { type AuthConnection, authenticateClient } from '../../src/smtp/auth.ts';
import { SmtpReply, type SmtpSession } from '../../src/smtp/session.ts';

interface World {
  readonly user?: string;
  readonly mailFrom?: boolean;
  readonly secure?: boolean;
  readonly startTls?: boolean;
  readonly offered?: readonly string[];
  readonly authenticate?: (credentials: unknown) => Promise<void>;
}

/** Sends a command and the lines after it. @returns the replies, and whether the next command may come */
async function dialogue(lines: readonly string[], world: World = {}) {
  const [command = '', ...answers] = lines;
  const replies: string[] = [];
  const seen: unknown[] = [];
  const session = {
    user: world.user,
    envelope: { mailFrom: world.mailFrom ? { address: 'a@b.c' } : false },
    transmissionType: '',
  };
  const connection = {
    session,
    secure: world.secure ?? true,
    app: {
      offersAuth: (name: string) => (world.offered ?? ['PLAIN', 'LOGIN']).includes(name),
      authenticate: async (credentials: unknown) => {
        seen.push(credentials);
        await world.authenticate?.(credentials);
      },
    } as unknown as SmtpSession,
    _nextHandler: false as AuthConnection['_nextHandler'],
    send(code: number, data?: string) {
      replies.push(`${code} ${data}`);
      if (code !== 334) return;
      setImmediate(() => {
        const handler = connection._nextHandler;
        connection._nextHandler = false;
        if (handler)
          handler(Buffer.from(answers.shift() ?? ''), () => {
            proceeded += 1;
          });
      });
    },
    _isSupported: () => world.startTls ?? false,
    _transmissionType: () => 'ESMTPSA',
  };
  let proceeded = 0;
  const refusals: unknown[] = [];
  const refusalOf = (error: unknown) => {
    refusals.push(error);
    return error instanceof SmtpReply ? error : new SmtpReply(451, '4.3.0', String(error));
  };
  const mechanisms = ['PLAIN', 'LOGIN'];
  const done = () => {
    proceeded += 1;
  };
  await authenticateClient(connection as unknown as AuthConnection, Buffer.from(command), done, mechanisms, refusalOf);
  return { replies, seen, session, proceeded, refusals };
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const plain = base64('\0scanner\0secret password');

describe('AUTH', () => {
  it('C: AUTH PLAIN with its response - S: 235', async () => {
    const { replies, seen, session, proceeded } = await dialogue([`AUTH PLAIN ${plain}`]);
    expect(replies).toEqual(['235 2.7.0 Authentication successful']);
    expect(seen).toEqual([{ mechanism: 'PLAIN', username: 'scanner', password: 'secret password' }]);
    expect(session).toMatchObject({ user: 'scanner', transmissionType: 'ESMTPSA' });
    expect(proceeded).toBe(1);
  });

  it('C: auth plain - S: 334 - C: the response, with blanks - S: 235', async () => {
    const { replies, proceeded } = await dialogue(['auth  plain ', ` ${plain} `]);
    expect(replies).toEqual(['334 ', '235 2.7.0 Authentication successful']);
    expect(proceeded).toBe(2);
  });

  it('C: AUTH LOGIN, in three steps', async () => {
    const { replies, seen } = await dialogue(['AUTH LOGIN', base64('scanner'), base64('pw')]);
    expect(replies).toEqual(['334 VXNlcm5hbWU6', '334 UGFzc3dvcmQ6', '235 2.7.0 Authentication successful']);
    expect(seen).toEqual([{ mechanism: 'LOGIN', username: 'scanner', password: 'pw' }]);
  });

  it('an equals sign is an empty response', async () => {
    const { replies } = await dialogue(['AUTH PLAIN =']);
    expect(replies).toEqual(['501 5.5.2 A PLAIN message has three parts with NUL between them.']);
    expect((await dialogue(['AUTH LOGIN =', base64('pw')])).replies).toEqual(['501 5.5.2 The username is empty.']);
  });

  it('what is wrong with a response stands behind its refusal, for the log', async () => {
    const { refusals } = await dialogue(['AUTH PLAIN %']);
    expect(refusals).toMatchObject([{ status: 501, cause: { name: 'SaslSyntaxError' } }]);
  });

  it('a defect of the session is told as it is', async () => {
    const defect = new TypeError('inner workings');
    const { replies, refusals } = await dialogue([`AUTH PLAIN ${plain}`], {
      authenticate: () => Promise.reject(defect),
    });
    expect(refusals).toEqual([defect]);
    expect(replies).toEqual(['451 4.3.0 TypeError: inner workings']);
  });

  it.each([
    ['a star', ['AUTH PLAIN', '*'], '501 5.5.4 Authentication aborted'],
    ['a star in the second step', ['AUTH LOGIN', base64('a'), ' * '], '501 5.5.4 Authentication aborted'],
    ['no base64', ['AUTH PLAIN', '%'], '501 5.5.2 The response is not base64.'],
    ['no base64 with the command', ['AUTH PLAIN %'], '501 5.5.2 The response is not base64.'],
    ['a word too many', [`AUTH PLAIN ${plain} x`], '501 5.5.4 AUTH takes a mechanism and at most one response'],
    ['an unknown mechanism', ['AUTH NTLM'], '504 5.5.4 Error: Unrecognized authentication type'],
    ['one that the listener does not have', ['AUTH XOAUTH2'], '504 5.5.4 Error: Unrecognized authentication type'],
    ['none', ['AUTH'], '504 5.5.4 Error: Unrecognized authentication type'],
  ])('refuses %s', async (_, lines, reply) => {
    const { replies, session, seen } = await dialogue(lines);
    expect(replies.at(-1)).toBe(reply);
    expect([session.user, seen]).toEqual([undefined, []]);
  });

  it('a second one, and one within a transaction, are out of sequence', async () => {
    expect((await dialogue([`AUTH PLAIN ${plain}`], { user: 'a' })).replies).toEqual([
      '503 5.5.1 Already authenticated on this connection',
    ]);
    expect((await dialogue([`AUTH PLAIN ${plain}`], { mailFrom: true })).replies).toEqual([
      '503 5.5.1 AUTH is not permitted during a mail transaction',
    ]);
  });

  it.each([
    [{ secure: false, startTls: true }, '538 5.7.11 Encryption required: use STARTTLS before AUTH'],
    [
      { secure: false, startTls: false },
      '502 5.7.4 Passwords are not accepted on this connection; it is not encrypted',
    ],
    [{ secure: true, startTls: true }, '502 5.7.4 Passwords are not accepted on this connection; it is not encrypted'],
  ])('where it is not offered, says what is missing: %j', async (world, reply) => {
    const { replies, seen } = await dialogue([`AUTH PLAIN ${plain}`], { ...world, offered: [] });
    expect([replies, seen]).toEqual([[reply], []]);
  });

  it('a refused login leaves the client nobody', async () => {
    const { replies, session, proceeded } = await dialogue([`AUTH PLAIN ${plain}`], {
      authenticate: () => Promise.reject(new SmtpReply(535, '5.7.8', 'No')),
    });
    expect(replies).toEqual(['535 5.7.8 No']);
    expect([session.user, session.transmissionType, proceeded]).toEqual([undefined, '', 1]);
  });
});
