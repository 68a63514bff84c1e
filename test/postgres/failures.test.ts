import { describe, expect, test } from 'vitest';
import { BridgeError } from '../../src/base/errors.ts';
import * as failures from '../../src/postgres/failures.ts';

const said = (code: string, message = 'said') => Object.assign(new Error(message), { code });
const questions = {
  loss: failures.isLoss,
  conflict: failures.isConflict,
  'lost statement': failures.isLostStatement,
  shortage: failures.isShortage,
  'unknown function': failures.isUnknownFunction,
  'too many connections': failures.isTooManyConnections,
  refusal: failures.isRefusal,
};

/** How a failure is classified. */
function kinds(error: unknown): string[] {
  return Object.entries(questions).flatMap(([name, is]) => (is(error) ? [name] : []));
}

describe('what the server says is told from what breaks a connection', () => {
  test.each<[string, string | undefined]>([
    ['40001', '40001'],
    ['08P01', '08P01'],
    ['42P05', '42P05'],
    ['EPIPE', undefined],
    ['ECONNRESET', undefined],
    ['4000', undefined],
    ['400011', undefined],
    ['4000x', undefined],
  ])('%s', (code, state) => {
    expect(failures.sqlStateOf(said(code))).toBe(state);
  });

  test('an error without a code says nothing', () => {
    expect(failures.sqlStateOf(new Error('x'))).toBeUndefined();
    expect(failures.sqlStateOf(undefined)).toBeUndefined();
  });
});

test.each<[string, unknown, string[]]>([
  ['a connection that breaks', said('ECONNRESET'), ['loss']],
  ['no code at all', new Error('Connection terminated'), ['loss']],
  ['a connection exception', said('08006'), ['loss']],
  ['a server that ends', said('57P01'), ['loss', 'shortage']],
  ['a standby', said('25006'), ['loss']],
  ['another invalid transaction state', said('25001'), []],
  ['a serialization failure', said('40001'), ['conflict']],
  ['a deadlock', said('40P01'), ['conflict']],
  ['another rollback', said('40002'), []],
  ['a statement that a pooler has lost', said('26000'), ['lost statement']],
  ['a statement that a pooler has already', said('42P05'), ['lost statement', 'refusal']],
  ['a full disk', said('53100'), ['shortage']],
  ['too many connections', said('53300'), ['shortage', 'too many connections']],
  ['a lock that is not free', said('55P03'), ['shortage']],
  ['a statement that took too long', said('57014'), ['shortage']],
  ['a program limit', said('54000'), []],
  ['a duplicate key', said('23505'), []],
  ['an unknown function', said('42883'), ['unknown function', 'refusal']],
  ['a wrong password', said('28P01'), ['refusal']],
  ['no such database', said('3D000'), ['refusal']],
  ['no such schema', said('3F000'), ['refusal']],
  ['a feature that is not there', said('0A000'), ['refusal']],
  ['codes with the digits of others elsewhere', said('22428'), []],
  ['likewise those of a shortage', said('22530'), []],
  ['a certificate that nobody knows', said('SELF_SIGNED_CERT_IN_CHAIN'), ['loss', 'refusal']],
  ['one for another host', said('ERR_TLS_CERT_ALTNAME_INVALID'), ['loss', 'refusal']],
  ['one that is over', said('CERT_HAS_EXPIRED'), ['loss', 'refusal']],
  ['a code that holds such a word', said('NO_CERT_HERE'), ['loss']],
  ['no TLS there', new Error('The server does not support SSL connections'), ['loss', 'refusal']],
  ['our own word that it is away', new BridgeError('queue-unreachable', 'x'), ['loss']],
  ['our own refusal', new BridgeError('queue-full', 'x'), []],
])('%s is %j', (_, error, expected) => {
  expect(kinds(error)).toEqual(expected);
});

describe('what others are told', () => {
  const told = (error: unknown) => failures.statementFailure(error, 'db.example:5432') as BridgeError;

  test.each<[string, Error, string, string]>([
    ['a loss', said('ECONNRESET', 'read ECONNRESET'), 'queue-unreachable', 'cannot be reached (read ECONNRESET).'],
    [
      'a standby',
      said('25006', 'read-only'),
      'queue-unreachable',
      'cannot be reached (it is a standby, or read-only).',
    ],
    ['a server that ends', said('57P01', 'shutting down'), 'queue-unreachable', 'cannot be reached (shutting down).'],
    ['a statement that took too long', said('57014'), 'queue-unreachable', 'did not answer in time.'],
    ['a lock that is not free', said('55P03'), 'queue-unreachable', 'did not answer in time.'],
    ['a conflict', said('40001'), 'queue-unreachable', 'did not answer in time.'],
  ])('of %s', (_, error, code, text) => {
    expect(told(error)).toMatchObject({ code, message: `PostgreSQL at db.example:5432 ${text}`, cause: error });
  });

  test('of a full disk', () => {
    const error = said('53100');
    const message = 'The disk of PostgreSQL at db.example:5432 is full.';
    expect(told(error)).toMatchObject({ code: 'queue-full', message, cause: error });
  });

  test('of several addresses of one name, each of them', () => {
    const all = new AggregateError([new Error('ECONNREFUSED ::1'), new Error('ECONNREFUSED 127.0.0.1')]);
    expect(failures.unreachable('db', all).message).toBe(
      'PostgreSQL at db cannot be reached (ECONNREFUSED ::1; ECONNREFUSED 127.0.0.1).',
    );
  });

  test('of a defect of ours, as it is', () => {
    const error = said('42601', 'syntax error');
    expect(told(error)).toBe(error);
  });

  test.each([undefined, new Error('why')])('of our own errors the same, in an error of its own (cause %s)', (cause) => {
    const options = {
      kind: 'permanent',
      remedy: 'Do that.',
      details: { host: 'db' },
      ...(cause && { cause }),
    } as const;
    const ours = new BridgeError('queue-full', 'Full.', options);
    for (const other of [told(ours), failures.unreachable('db', ours), failures.anew(ours)]) {
      expect(other).not.toBe(ours);
      expect(other).toMatchObject({ code: 'queue-full', message: 'Full.', kind: 'permanent', remedy: 'Do that.' });
      expect(other.details).toEqual({ host: 'db' });
      expect('cause' in other).toBe(cause !== undefined);
      expect(other.cause).toBe(cause);
    }
  });
});
