import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatSmtpReply, parseSmtpReply, type UpstreamReply } from '../../../src/exchange/smtp/reply.ts';

describe('parseSmtpReply', () => {
  it.each([
    ['250 2.0.0 OK', { code: 250, enhanced: '2.0.0', text: 'OK' }],
    ['250', { code: 250, text: '' }],
    ['550 5.7.60', { code: 550, enhanced: '5.7.60', text: '' }],
    [
      '550-5.1.1 No such\r\n550-5.1.1 user\r\n550 5.1.1 here',
      { code: 550, enhanced: '5.1.1', text: 'No such user here' },
    ],
    ['550-No such\n550 user', { code: 550, text: 'No such user' }],
    [
      '421 4.7.66 TLS 1.0 and 1.1 are not supported',
      { code: 421, enhanced: '4.7.66', text: 'TLS 1.0 and 1.1 are not supported' },
    ],
    ['554 1.2.3 is no class', { code: 554, text: '1.2.3 is no class' }],
    ['250 OK\tthen\u0000\u001b[2Jmore', { code: 250, text: 'OK then [2Jmore' }],
  ])('reads %j', (response, expected) => {
    expect(parseSmtpReply(response)).toEqual(expected);
  });

  it.each(['', 'hello', '99 x', '600 x', '2500 x', '25'])('does not take %j for a reply', (response) => {
    expect(parseSmtpReply(response)).toBeUndefined();
  });

  it.each(['550 5.7.60 may not send', '550 may not send', '550 5.7.60', '550'])('says %j as the server did', (said) => {
    expect(formatSmtpReply(parseSmtpReply(said) as UpstreamReply)).toBe(said);
  });

  it('never throws, and gives one line of bounded length', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2000 }), (noise) => {
        const reply = parseSmtpReply(`550 ${noise}`);
        if (reply === undefined) return;
        expect(reply.text).not.toMatch(/[\r\n]/);
        expect(reply.text.length).toBeLessThanOrEqual(500);
        expect(formatSmtpReply(reply)).toMatch(/^550/);
      }),
    );
  });
});
