import { describe, expect, it } from 'vitest';
import { dsnMailParameters, dsnParameters, needsSmtpUtf8 } from '../../../src/exchange/smtp/parameters.ts';

describe('The DSN parameters (RFC 3461)', () => {
  it.each([
    [{}, ''],
    [{ notify: [] }, ''],
    [{ notify: ['SUCCESS', 'DELAY'] as const }, 'NOTIFY=SUCCESS,DELAY'],
    [{ orcpt: 'rfc822;a@b.example' }, 'ORCPT=rfc822;a@b.example'],
    [{ notify: ['NEVER'] as const, orcpt: 'rfc822;a b+c=d@e' }, 'NOTIFY=NEVER ORCPT=rfc822;a+20b+2Bc+3Dd@e'],
    [{ orcpt: 'rfc822;a\r\nRSET' }, 'ORCPT=rfc822;a+0D+0ARSET'],
    [{ orcpt: 'no type' }, ''],
    [{ orcpt: 'bad\r\nRSET;a@b.example' }, ''],
    [{ orcpt: 'utf-8;jörg@y.example' }, ''],
  ])('of RCPT TO for %j', (dsn, expected) => {
    expect(dsnParameters({ address: 'a@b.example', dsn })).toBe(expected);
  });

  it.each([
    [undefined, ''],
    [{ ret: 'FULL' as const }, 'RET=FULL'],
    [{ ret: 'HDRS' as const, envid: 'a=b\r\n' }, 'RET=HDRS ENVID=a+3Db+0D+0A'],
    [{ envid: 'ü' }, ''],
  ])('of MAIL FROM for %j', (dsn, expected) => {
    expect(dsnMailParameters(dsn)).toBe(expected);
  });
});

describe('SMTPUTF8', () => {
  it.each([
    ['a@b.example', false],
    ['"a b"@b.example', false],
    ['jörg@b.example', true],
    ['a@müller.example', true],
  ])('for %s: %j', (address, expected) => {
    expect(needsSmtpUtf8(address)).toBe(expected);
  });
});
