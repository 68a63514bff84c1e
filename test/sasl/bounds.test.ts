import { describe, expect, it } from 'vitest';
import { decodeLoginUsername } from '../../src/sasl/login.ts';
import { decodeOauthbearer, encodeOauthbearer } from '../../src/sasl/oauthbearer.ts';
import { decodeBase64, decodeName, decodePassword, decodeText } from '../../src/sasl/octets.ts';
import { decodePlain, encodePlain } from '../../src/sasl/plain.ts';
import { SaslSyntaxError } from '../../src/sasl/sasl-error.ts';
import { receiveCredentials } from '../../src/sasl/server-exchange.ts';
import { decodeXoauth2, decodeXoauth2Failure, encodeXoauth2 } from '../../src/sasl/xoauth2.ts';

const octets = (text: string) => Buffer.from(text);
const bearer = (header: string, ...pairs: string[]) => octets([header, ...pairs, '', ''].join('\x01'));

describe('what a name and a password may be', () => {
  it('1024 octets, and not one more', () => {
    const most = 'x'.repeat(1024);
    expect(decodeName(octets(most))).toBe(most);
    expect(decodePassword(octets(most))).toBe(most);
    expect(() => decodeName(octets(`${most}x`))).toThrow('The username is longer than 1024 octets.');
    expect(() => decodePassword(octets(`${most}x`))).toThrow('The password is longer than 1024 octets.');
  });

  it('a password may hold a tab, a name may not; neither a NUL', () => {
    expect(decodePassword(octets('a\tb'))).toBe('a\tb');
    expect(() => decodeName(octets('a\tb'))).toThrow('The username holds a control character.');
    expect(() => decodeName(octets('a\tb'), 'authorization identity')).toThrow(/^The authorization identity holds/);
    expect(() => decodeText(octets('a\0b'), 'thing', 9)).toThrow('The thing holds a NUL.');
  });

  it('nobody is called nothing', () => {
    expect(() => decodeLoginUsername(Buffer.alloc(0))).toThrow('The username is empty.');
    expect(() => decodeLoginUsername(octets('\0'))).toThrow('The username is empty.');
    expect(() => decodePlain(octets('\0\0pw'))).toThrow('The username is empty.');
    expect(() => decodeLoginUsername(octets('a\0\0'))).toThrow(SaslSyntaxError);
  });

  it('an empty password is one', () => {
    expect(decodePlain(octets('\0a\0'))).toEqual({ authorizationId: '', username: 'a', password: '' });
  });

  it('PLAIN has three parts, and says which of them is wrong', () => {
    const long = 'x'.repeat(1025);
    for (const bad of ['', 'a', 'a\0b', '\0a', '\0a\0b\0', 'a\0b\0c\0d']) {
      expect(() => decodePlain(octets(bad)), bad).toThrow('A PLAIN message has three parts with NUL between them.');
    }
    expect(() => decodePlain(octets(`${long}\0a\0p`))).toThrow('The authorization identity is longer than 1024');
    expect(() => decodePlain(octets(`\0${long}\0p`))).toThrow('The username is longer than 1024');
    expect(() => decodePlain(octets(`\0a\0${long}`))).toThrow('The password is longer than 1024');
    expect(() => decodePlain(octets('a\tb\0a\0p'))).toThrow('The authorization identity holds a control character.');
  });

  it('PLAIN cannot be written with a NUL in any part', () => {
    const message = { authorizationId: 'z', username: 'a', password: 'p' };
    for (const part of ['authorizationId', 'username', 'password']) {
      expect(() => encodePlain({ ...message, [part]: 'x\0y' }), part).toThrow(SaslSyntaxError);
    }
  });
});

describe('a token', () => {
  it('has 16 KiB beside the name, and not more', () => {
    const accessToken = 't'.repeat(16 * 1024);
    expect(decodeXoauth2(encodeXoauth2({ username: 'a', accessToken })).accessToken).toBe(accessToken);
    expect(decodeOauthbearer(encodeOauthbearer({ username: 'a', accessToken })).accessToken).toBe(accessToken);
    const tooLong = 't'.repeat(18 * 1024);
    expect(() => decodeXoauth2(encodeXoauth2({ username: 'a', accessToken: tooLong }))).toThrow(
      'The XOAUTH2 message is longer than 17408 octets.',
    );
    const long = { username: 'a', accessToken: `${tooLong}t` };
    expect(() => decodeOauthbearer(encodeOauthbearer(long))).toThrow(
      'The OAUTHBEARER message is longer than 18432 octets.',
    );
  });

  it('holds no NUL', () => {
    expect(() => decodeXoauth2(bearer('user=a', 'auth=Bearer \0'))).toThrow('The XOAUTH2 message holds a NUL.');
    expect(() => decodeOauthbearer(bearer('n,,', 'auth=Bearer \0'))).toThrow('The OAUTHBEARER message holds a NUL.');
  });

  it('is told by its words in any case, after any number of blanks', () => {
    expect(decodeXoauth2(bearer('USER=a', 'Auth=bearer   t'))).toEqual({ username: 'a', accessToken: 't' });
    expect(decodeOauthbearer(bearer('n,,', 'AUTH=BEARER  t')).accessToken).toBe('t');
  });

  it.each([
    'user=a\x01auth=Bearer t\x01\x01x',
    'xuser=a\x01auth=Bearer t\x01\x01',
    'user=a\x01xauth=Bearer t\x01\x01',
    'user=a\x01auth=Bearer t \x01\x01',
    'user=a\x01auth=Bearer t\x01x\x01',
    'user=a\x01auth=Bearer t\x01\x01\x01',
  ])('XOAUTH2 is nothing but its form: %j', (bad) => {
    expect(() => decodeXoauth2(octets(bad))).toThrow('Invalid XOAUTH2 auth data');
  });

  it.each([
    ['xn,,', 'auth=Bearer t'],
    ['n,,x', 'auth=Bearer t'],
    ['n,a=b,c,', 'auth=Bearer t'],
    ['n', 'auth=Bearer t'],
  ])('OAUTHBEARER is nothing but its form: %j', (header, pair) => {
    expect(() => decodeOauthbearer(bearer(header, pair))).toThrow('Invalid OAUTHBEARER auth data');
  });

  it.each([['auth=Basic t'], ['auth=Bearer t u'], ['auth=xBearer t'], ['host=h']])(
    'OAUTHBEARER wants a bearer token: %j',
    (pair) => {
      expect(() => decodeOauthbearer(bearer('n,,', pair))).toThrow('OAUTHBEARER without a bearer token');
    },
  );
});

describe('OAUTHBEARER', () => {
  it('carries a name with commas and equals signs, and leaves nothing else in place of them', () => {
    const username = 'a=b,c=d,e';
    const message = encodeOauthbearer({ username, accessToken: 't' });
    expect(message.toString()).toBe('n,a=a=3Db=2Cc=3Dd=2Ce,\x01auth=Bearer t\x01\x01');
    expect(decodeOauthbearer(message).username).toBe(username);
    expect(decodeOauthbearer(bearer('y,a=x=2cy=3dz,', 'auth=Bearer t')).username).toBe('x,y=z');
    expect(() => decodeOauthbearer(bearer('n,a=x=4Dy,', 'auth=Bearer t'))).toThrow('stray equals sign');
  });

  it.each([
    ['port=65535', { port: 65535 }],
    ['port=1', { port: 1 }],
    ['port=0', {}],
    ['port=65536', {}],
    ['port=1.5', {}],
    ['port=', {}],
    ['host=', {}],
    ['HOST=h=x', { host: 'h=x' }],
  ])('passes over what makes no sense: %s', (pair, expected) => {
    const read = decodeOauthbearer(bearer('n,a=u,', pair, 'auth=Bearer t'));
    expect(read).toEqual({ username: 'u', accessToken: 't', ...expected });
  });

  it('cannot be written with a Control-A in any part', () => {
    for (const part of [{ username: 'a\x01' }, { accessToken: 'a\x01' }, { host: 'a\x01' }]) {
      expect(() => encodeOauthbearer({ username: 'u', accessToken: 't', ...part })).toThrow(SaslSyntaxError);
    }
    expect(() => encodeXoauth2({ username: 'u', accessToken: 't\x01' })).toThrow(SaslSyntaxError);
  });

  it('names host and port where they are known', () => {
    expect(encodeOauthbearer({ username: '', accessToken: 't', host: 'h', port: 993 }).toString()).toBe(
      'n,,\x01host=h\x01port=993\x01auth=Bearer t\x01\x01',
    );
  });
});

describe('an exchange', () => {
  const ask = (answer: string) => async (challenge: Buffer) => {
    expect(challenge.length).toBe(0);
    return octets(answer);
  };

  it('asks with nothing where nothing came with the command', async () => {
    expect(await receiveCredentials('PLAIN', undefined, ask('\0a\0p'))).toEqual({
      mechanism: 'PLAIN',
      username: 'a',
      password: 'p',
    });
    expect(await receiveCredentials('XOAUTH2', undefined, ask('user=a\x01auth=Bearer t\x01\x01'))).toEqual({
      mechanism: 'XOAUTH2',
      username: 'a',
      accessToken: 't',
    });
    expect(await receiveCredentials('OAUTHBEARER', bearer('n,a=a,', 'auth=Bearer t'), ask(''))).toEqual({
      mechanism: 'OAUTHBEARER',
      username: 'a',
      accessToken: 't',
    });
  });

  it('tells of an authorization identity that is somebody else, and of no other', async () => {
    const other = await receiveCredentials('PLAIN', octets('boss\0a\0p'), ask(''));
    expect(other).toEqual({ mechanism: 'PLAIN', username: 'a', password: 'p', authorizationId: 'boss' });
    const same = await receiveCredentials('PLAIN', octets('a\0a\0p'), ask(''));
    expect(same).toEqual({ mechanism: 'PLAIN', username: 'a', password: 'p' });
  });
});

describe('an error challenge', () => {
  it.each([
    ['{"status":400}', { status: '400' }],
    ['{"status":"401","schemes":1,"scope":null}', { status: '401' }],
    ['{"schemes":"Bearer"}', undefined],
    ['{"status":true}', undefined],
    ['"400"', undefined],
    ['7', undefined],
    ['', undefined],
  ])('%s', (json, expected) => {
    expect(decodeXoauth2Failure(octets(json))).toEqual(expected);
  });
});

describe('base64', () => {
  it.each(['', '=', 'YQ=', 'YWI', 'YWI=', 'YWJj', '+/+/', ' YWJj\t'])('taken: %j', (line) => {
    expect(decodeBase64(line)).toEqual(Buffer.from(line.trim(), 'base64'));
  });

  it.each(['YWJjZ', 'YWJjZ=', 'YQ===', '-_-_', 'YQ=a', '=YQ', 'Y Q'])('refused: %j', (line) => {
    expect(() => decodeBase64(line)).toThrow('The response is not base64.');
  });
});
