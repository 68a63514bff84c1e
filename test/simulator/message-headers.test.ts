import fc from 'fast-check';
import PostalMime from 'postal-mime';
import { expect, test } from 'vitest';
import { addressesIn, headerFields, isAddress, withoutField } from '../../src/simulator/delivery/message-headers.ts';

const read = (text: string) => headerFields(Buffer.from(text));

test('fields are unfolded and the header ends at the empty line', () => {
  const fields = read('Subject: one\r\n\ttwo\r\nTo : a@b.example\r\n\r\nFrom: not@a.header\r\n');
  expect(fields.map(({ name, value }) => [name, value])).toEqual([
    ['subject', 'one\ttwo'],
    ['to', 'a@b.example'],
  ]);
});

test('what is no field ends the header', () => {
  expect(read('Subject: x\r\nno field here\r\nTo: a@b.example\r\n').map(({ name }) => name)).toEqual(['subject']);
  expect(read('')).toEqual([]);
  expect(read('\r\nTo: a@b.example\r\n')).toEqual([]);
});

test('addresses are found in groups, quotes, comments and several fields; the rest is malformed', () => {
  const fields = read(
    'To: "Doe, J." <j@x.example>, b@x.example (Bob),\r\n team: c@x.example, "d e"@x.example;\r\nTo: nobody, <f@x.example>\r\nTo: undisclosed-recipients:;\r\n\r\n',
  );
  expect(addressesIn(fields, 'to')).toEqual({
    addresses: ['j@x.example', 'b@x.example', 'c@x.example', '"d e"@x.example', 'f@x.example'],
    malformed: ['nobody'],
  });
});

test.each(['a@b.example', 'ü@müller.example', '"a b"@c.example', "o'x+1@d.example"])('%s is an address', (text) => {
  expect(isAddress(text)).toBe(true);
});

test.each(['', 'a', '@b.example', 'a@', 'a b@c.example', 'a@b c', '<a@b.example>'])('%j is none', (text) => {
  expect(isAddress(text)).toBe(false);
});

test('removing a field leaves every other octet as it was', () => {
  const text = 'A: 1\r\nBcc: x@y.example,\r\n z@y.example\r\nB: 2\r\nBCC: q@y.example\r\n\r\nBcc: body\r\n\xff';
  const content = Buffer.from(text, 'latin1');
  const without = withoutField(content, headerFields(content), 'bcc');
  expect(without.toString('latin1')).toBe('A: 1\r\nB: 2\r\n\r\nBcc: body\r\n\xff');
});

test('field names and values are those another parser finds', async () => {
  const field = fc.tuple(
    fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,20}$/),
    fc.stringMatching(/^[!-~]{1,30}( [!-~]{1,30}){0,3}$/),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(field, { minLength: 1, maxLength: 6 }), async (given) => {
      const text = given.map(([name, value]) => `${name}: ${value.replaceAll(' ', '\r\n ')}\r\n`).join('');
      const { headers } = await PostalMime.parse(`${text}\r\nbody`);
      expect(read(`${text}\r\nbody`).map(({ name, value }) => [name, value])).toEqual(
        headers.map(({ key, value }) => [key, value]),
      );
    }),
    { numRuns: 200 },
  );
});
