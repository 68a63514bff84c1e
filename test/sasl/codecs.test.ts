import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cramMd5Challenge, cramMd5Digest, decodeCramMd5, provesPassword } from '../../src/sasl/cram-md5.ts';
import { decodeLoginUsername } from '../../src/sasl/login.ts';
import { decodeOauthbearer, encodeOauthbearer } from '../../src/sasl/oauthbearer.ts';
import { decodeBase64, decodeText } from '../../src/sasl/octets.ts';
import { decodePlain, encodePlain } from '../../src/sasl/plain.ts';
import { SaslSyntaxError } from '../../src/sasl/sasl-error.ts';
import { mechanismNamed, receiveCredentials } from '../../src/sasl/server-exchange.ts';
import { decodeXoauth2, decodeXoauth2Failure, encodeXoauth2, encodeXoauth2Failure } from '../../src/sasl/xoauth2.ts';

const text = fc
  .string({ unit: 'grapheme', maxLength: 60 })
  .filter((value) => !value.includes('\0') && !value.includes('\x01'));
const name = text.filter((value) => value !== '' && !/[\r\n]/.test(value));
const token = fc.string({ unit: fc.constantFrom(...'abcXYZ019-._~+/='), minLength: 1, maxLength: 300 });

describe('PLAIN', () => {
  it('gives back what was put in', () => {
    fc.assert(
      fc.property(text, name, text, (authorizationId, username, password) => {
        const message = { authorizationId, username, password };
        expect(decodePlain(encodePlain(message))).toEqual(message);
      }),
    );
  });

  it('takes the identity for the name where the name is missing', () => {
    expect(decodePlain(Buffer.from('scanner\0\0pw')).username).toBe('scanner');
  });

  it('refuses what is no PLAIN message', () => {
    for (const bad of ['', 'a', 'a\0b', '\0\0pw', 'a\0b\0c\0d', '\0a\nb\0pw', 'a\x85\0b\0pw']) {
      expect(() => decodePlain(Buffer.from(bad, 'latin1'))).toThrow(SaslSyntaxError);
    }
    expect(() => decodePlain(Buffer.from(`\0${'a'.repeat(2000)}\0b`))).toThrow('longer than 1024');
  });
});

describe('LOGIN', () => {
  it('forgives a NUL behind the name', () => {
    expect(decodeLoginUsername(Buffer.from('scanner\0'))).toBe('scanner');
  });

  it('is asked for in two steps, or in one when the name came first', async () => {
    const asked: string[] = [];
    const ask = (answers: string[]) => async (challenge: Buffer) => {
      asked.push(challenge.toString('base64'));
      return Buffer.from(answers.shift() ?? '');
    };
    const both = await receiveCredentials('LOGIN', undefined, ask(['scanner', 'pw']));
    expect(both).toEqual({ mechanism: 'LOGIN', username: 'scanner', password: 'pw' });
    await receiveCredentials('LOGIN', Buffer.from('scanner'), ask(['pw']));
    expect(asked).toEqual(['VXNlcm5hbWU6', 'UGFzc3dvcmQ6', 'UGFzc3dvcmQ6']);
  });
});

describe('XOAUTH2', () => {
  it('reads as in the example of Microsoft', () => {
    const encoded =
      'dXNlcj10ZXN0QGNvbnRvc28ub25taWNyb3NvZnQuY29tAWF1dGg9QmVhcmVyIEV3QkFBbDNCQUFVRkZwVUFvN0ozVmUwYmpMQldaV0NjbFJDM0VvQUEBAQ==';
    const message = {
      username: 'test@contoso.onmicrosoft.com',
      accessToken: 'EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA',
    };
    expect(encodeXoauth2(message).toString('base64')).toBe(encoded);
    expect(decodeXoauth2(Buffer.from(encoded, 'base64'))).toEqual(message);
  });

  it('gives back what was put in', () => {
    fc.assert(
      fc.property(name, token, (username, accessToken) => {
        expect(decodeXoauth2(encodeXoauth2({ username, accessToken }))).toEqual({ username, accessToken });
      }),
    );
  });

  it('takes a name with the line separator of Unicode', () => {
    const message = { username: 'a\u2028b@contoso.com', accessToken: 't' };
    expect(decodeXoauth2(encodeXoauth2(message))).toEqual(message);
  });

  it('refuses what is no XOAUTH2 message', () => {
    for (const bad of [
      '',
      'user=a',
      'user=a\x01auth=Bearer t',
      'user=\x01auth=Bearer t\x01\x01',
      'user=a\x01auth=Basic t\x01\x01',
      'user=a\x01auth=Bearer a b\x01\x01',
    ]) {
      expect(() => decodeXoauth2(Buffer.from(bad))).toThrow(SaslSyntaxError);
    }
    expect(() => encodeXoauth2({ username: 'a\x01', accessToken: 't' })).toThrow(SaslSyntaxError);
  });

  it('tells why a token is refused', () => {
    const failure = { status: '400', schemes: 'Bearer', scope: 'x' };
    expect(decodeXoauth2Failure(encodeXoauth2Failure(failure))).toEqual(failure);
    expect(decodeXoauth2Failure(Buffer.from('not json'))).toBeUndefined();
    expect(decodeXoauth2Failure(Buffer.from('null'))).toBeUndefined();
  });
});

describe('OAUTHBEARER', () => {
  it('reads as in RFC 7628 section 4.1', () => {
    const example =
      'n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01';
    const message = {
      username: 'user@example.com',
      host: 'server.example.com',
      port: 143,
      accessToken: 'vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==',
    };
    expect(decodeOauthbearer(Buffer.from(example))).toEqual(message);
    expect(encodeOauthbearer(message).toString()).toBe(example);
  });

  it('gives back what was put in', () => {
    fc.assert(
      fc.property(text, token, (username, accessToken) => {
        expect(decodeOauthbearer(encodeOauthbearer({ username, accessToken }))).toEqual({ username, accessToken });
      }),
    );
  });

  it('refuses what is no OAUTHBEARER message', () => {
    for (const bad of [
      '',
      'n,,',
      'n,,\x01\x01',
      'p=x,,\x01auth=Bearer t\x01\x01',
      'n,a=x=y,\x01auth=Bearer t\x01\x01',
    ]) {
      expect(() => decodeOauthbearer(Buffer.from(bad))).toThrow(SaslSyntaxError);
    }
  });
});

describe('CRAM-MD5', () => {
  const challenge = Buffer.from('<1896.697170952@postoffice.reston.mci.net>');
  const digest = 'b913a602c7eda7a495b4e6e7334d3890';

  it('reads as in the example of RFC 2195', () => {
    const response = Buffer.from('dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw', 'base64');
    expect(decodeCramMd5(response)).toEqual({ username: 'tim', digest });
    expect(cramMd5Digest(challenge, 'tanstaaftanstaaf')).toBe(digest);
    expect(provesPassword(challenge, digest, 'tanstaaftanstaaf')).toBe(true);
    expect(provesPassword(challenge, digest, 'tanstaaftanstaag')).toBe(false);
    expect(provesPassword(Buffer.from('<another>'), digest, 'tanstaaftanstaaf')).toBe(false);
  });

  it('takes a password in UTF-8, composed or not, and in Latin-1', () => {
    for (const octets of [
      Buffer.from('Grüße'),
      Buffer.from('Grüße'.normalize('NFD')),
      Buffer.from('Grüße', 'latin1'),
    ]) {
      expect(provesPassword(challenge, cramMd5Digest(challenge, octets), 'Grüße')).toBe(true);
    }
    expect(provesPassword(challenge, cramMd5Digest(challenge, Buffer.from('Gr\xfc?e', 'latin1')), 'Grüße')).toBe(false);
  });

  it('takes a name with blanks, and a digest in capitals', () => {
    expect(decodeCramMd5(Buffer.from(`second floor ${digest.toUpperCase()}`))).toEqual({
      username: 'second floor',
      digest,
    });
  });

  it('takes a name of one character', () => {
    expect(decodeCramMd5(Buffer.from(`a ${digest}`)).username).toBe('a');
  });

  it('is not proven by a digest of another length, or of other characters', () => {
    for (const other of ['', digest.slice(1), ` ${digest}`, '\xe9'.repeat(32), '\xe9'.repeat(16)]) {
      expect(provesPassword(challenge, other, 'tanstaaftanstaaf'), other).toBe(false);
    }
  });

  it('refuses what is no answer', () => {
    for (const bad of ['', 'tim', digest, ` ${digest}`, `tim ${digest.slice(1)}`, `tim ${digest}0`, `a\nb ${digest}`]) {
      expect(() => decodeCramMd5(Buffer.from(bad))).toThrow(SaslSyntaxError);
    }
  });

  it('is asked with another challenge each time, in the form of a Message-ID', async () => {
    const challenges = Array.from({ length: 100 }, () => cramMd5Challenge('bridge.test').toString());
    expect(new Set(challenges).size).toBe(100);
    for (const each of challenges) expect(each).toMatch(/^<[0-9a-f]{32}\.\d+@bridge\.test>$/);
    expect(cramMd5Challenge('a b>\r\n').toString()).toMatch(/@ab>$/);
    expect(cramMd5Challenge('Z-9.example').toString()).toMatch(/@Z-9\.example>$/);
    expect(cramMd5Challenge('é').toString()).toMatch(/@localhost>$/);
    expect(cramMd5Challenge().toString()).toMatch(/@[A-Za-z0-9.-]+>$/);
    const ask = async () => Buffer.from(`tim ${digest}`);
    const given = await receiveCredentials('CRAM-MD5', undefined, ask);
    expect(given).toMatchObject({ mechanism: 'CRAM-MD5', username: 'tim', digest });
    await expect(receiveCredentials('CRAM-MD5', Buffer.from('x'), ask)).rejects.toThrow(SaslSyntaxError);
  });
});

describe('what carries them', () => {
  it('base64 is taken strictly', () => {
    expect(decodeBase64(' YQ== ').toString()).toBe('a');
    expect(decodeBase64('YQ').toString()).toBe('a');
    for (const bad of ['*', 'YQ==YQ==', 'a', 'YWJj\tZA==']) expect(() => decodeBase64(bad)).toThrow(SaslSyntaxError);
  });

  it('text keeps its byte order mark', () => {
    expect(decodeText(Buffer.from('\ufeffa'), 'x', 10)).toBe('\ufeffa');
  });

  it('text that is no UTF-8 is Latin-1', () => {
    for (const text of ['ü', 'jürgen', 'Grüße§', 'Ã', 'ÿþ']) {
      expect(decodeText(Buffer.from(text), 'x', 10)).toBe(text);
      expect(decodeText(Buffer.from(text, 'latin1'), 'x', 10)).toBe(text);
    }
    expect(decodePlain(Buffer.from('jürgen\0jürgen\0Grüße', 'latin1'))).toEqual({
      authorizationId: 'jürgen',
      username: 'jürgen',
      password: 'Grüße',
    });
  });

  it('names of mechanisms are taken in any case', () => {
    expect(mechanismNamed('xoauth2')).toBe('XOAUTH2');
    expect(mechanismNamed('cram-md5')).toBe('CRAM-MD5');
    expect(mechanismNamed('GSSAPI')).toBeUndefined();
  });
});
