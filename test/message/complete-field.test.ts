import { expect, test } from 'vitest';
import { completedField } from '../../src/message/complete-field.ts';
import { HeaderBlock } from '../../src/message/headers.ts';

const complete = (field: string) => {
  const [only] = HeaderBlock.parse(Buffer.from(`${field}\r\n\r\n`)).fields;
  return only && completedField(only, 'contoso.com')?.toString();
};

test.each([
  ['To: root', 'To: root@contoso.com\r\n'],
  ['to: root, ann@fabrikam.com', 'to: root@contoso.com,\r\n ann@fabrikam.com\r\n'],
  ['Cc: "Boss, The" <boss>', 'Cc: "Boss, The" <boss@contoso.com>\r\n'],
  ['Cc: =?utf-8?q?J=C3=BCrgen?= <jürgen>', 'Cc: =?utf-8?q?J=C3=BCrgen?= <jürgen@contoso.com>\r\n'],
  ['Cc: =?utf-8?Q?Dr._M=C3=BCller?= <mueller>', 'Cc: =?utf-8?B?RHIuIE3DvGxsZXI=?= <mueller@contoso.com>\r\n'],
  ['Cc: "=?utf-8?Q?Ford=2C_Ann?=" <ann>', 'Cc: =?utf-8?Q?Ford=2C_Ann?= <ann@contoso.com>\r\n'],
])('%s is completed', (field, expected) => {
  expect(complete(field)).toBe(expected);
});

test.each(['To: ann@fabrikam.com', 'To: undisclosed-recipients:;', 'To:', 'Cc: "root" <root@x.example>'])(
  '%s needs no help',
  (field) => {
    expect(complete(field)).toBeUndefined();
  },
);
