import { describe, expect, it } from 'vitest';
import { deliveryStatusMessage } from '../../../src/message/report/delivery-status.ts';

/** The last part of a report, which returns what could not be delivered. */
function returned(original: string | Buffer, returnWhole = false) {
  const octets = typeof original === 'string' ? Buffer.from(original, 'latin1') : original;
  const report = deliveryStatusMessage({
    reportingMta: 'bridge.local',
    from: 'mailer-daemon@contoso.example',
    to: 'scanner@contoso.example',
    arrivalDate: new Date(0),
    originalHeaders: octets,
    returnWhole,
    recipients: [{ address: 'bob@x.example', action: 'failed', status: '5.1.1', diagnostic: 'smtp; 550 no' }],
    boundary: 'b',
  }).toString('latin1');
  const [, , , part = ''] = report.split('--b\r\n');
  const at = part.indexOf('\r\n\r\n');
  const header = part.slice(0, at).split('\r\n');
  const people = report.includes('The message is attached.') ? 'message' : 'header';
  if (!report.includes(`The ${people === 'header' ? 'header of the message' : 'message'} is attached.`))
    throw new Error(report);
  return { header, body: part.slice(at + 4, part.indexOf('\r\n--b--\r\n')), people };
}

const headers = (encoding: string) => ['Content-Type: text/rfc822-headers', `Content-Transfer-Encoding: ${encoding}`];
const message = (encoding: string) => ['Content-Type: message/rfc822', `Content-Transfer-Encoding: ${encoding}`];
const x = (count: number) => 'x'.repeat(count);

describe('The header of a message is given back', () => {
  it.each([
    ['A: 1\r\n\tand ~\r\n\r\nbody', 'A: 1\r\n\tand ~\r\n'],
    ['A: 1', 'A: 1\r\n'],
    ['From x\r\nA: 1\r\n\r\n', 'A: 1\r\n'],
    [`A: ${x(995)}\r\n\r\n`, `A: ${x(995)}\r\n`],
    ['', ''],
  ])('as it is, where it is plain: %j', (original, body) => {
    expect(returned(original)).toEqual({ header: headers('7bit'), body, people: 'header' });
  });

  it.each([
    ['A: \xfc\r\n\r\n', 'A: =FC\r\n'],
    ['A: \x01\r\n\r\n', 'A: =01\r\n'],
    ['A: \x7f\r\n\r\n', 'A: =7F\r\n'],
    ['A: 1\nB: 2\n\n', 'A: 1=0AB: 2=0A'],
    ['A: 1\rB: 2\r\n\r\n', 'A: 1=0DB: 2\r\n'],
    [`A: ${x(996)}\r\n\r\n`, `A: ${x(72)}=\r\n${`${x(75)}=\r\n`.repeat(12)}${x(24)}\r\n`],
  ])('so that nothing of it changes on the way: %j', (original, body) => {
    expect(returned(original)).toEqual({ header: headers('quoted-printable'), body, people: 'header' });
  });

  it('as far as 64 KiB go, the field that is cut left out', () => {
    const field = `X: ${x(59)}\r\n`;
    const whole = field.repeat(1024);
    expect(whole).toHaveLength(65_536);
    expect(returned(`${whole}\r\n`).body).toBe(field.repeat(1023));
    expect(returned(whole).body).toBe(whole);
    expect(returned(`${field.repeat(1023)}Y: ${x(57)}\r\n\r\nbody`).body).toBe(`${field.repeat(1023)}Y: ${x(57)}\r\n`);
    expect(returned(`A: 1\r\n\r\n${x(100_000)}`).body).toBe('A: 1\r\n');
    expect(returned(`A: 1\r\n${x(100_000)}`).body).toBe('A: 1\r\n');
    expect(returned(`A: ${x(100_000)}\r\n\r\n`).body).toBe('');
  });
});

describe('A message that was asked for as a whole', () => {
  const utf8 = Buffer.from('A: 1\r\n\r\nGrüße\r\n');
  it.each([
    ['A: 1\r\n\r\nbody\x7f\r\n', '7bit'],
    ['A: 1\r\n\r\n\x80\r\n', '8bit'],
    [utf8.toString('latin1'), '8bit'],
    [`A: 1\r\n\r\n${x(998)}\r\n`, '7bit'],
  ])('is given back as it is: %j', (original, encoding) => {
    expect(returned(original, true)).toEqual({ header: message(encoding), body: original, people: 'message' });
    expect(returned(original).people).toBe('header');
  });

  it.each(['A: 1\r\n\r\na\0b\r\n', 'A: 1\r\n\r\na\nb\r\n', 'A: 1\r\n\r\na\rb\r\n', `A: 1\r\n\r\n${x(999)}\r\n`])(
    'is given back as its header, where it could not go as it is (RFC 2046 section 5.2.1): %j',
    (original) => {
      expect(returned(original, true)).toEqual({ header: headers('7bit'), body: 'A: 1\r\n', people: 'header' });
    },
  );
});
