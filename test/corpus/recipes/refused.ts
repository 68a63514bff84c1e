import { head, octets, type Recipes } from './mail.ts';

const start = octets(`${head('not a message', 400)}\n\n`);
const smuggled = 'MAIL FROM:<mallory@example.com>\r\nRCPT TO:<alex@contoso.com>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n';

/** Octets that a listener must not accept. The name begins with the first fault. */
export const refused: Recipes = {
  'bare-lf--body': `${start}one\r\ntwo\nthree\r\n`,
  'bare-lf--header': start.replace('\r\nTo:', '\nTo:'),
  'bare-lf--throughout': start.replaceAll('\r\n', '\n'),
  'bare-lf--first-octet': `\n${start}`,
  'bare-lf--lf-dot-crlf': `${start}one\n.\r\n${smuggled}`,
  'bare-lf--lf-dot-lf': `${start}one\n.\n${smuggled}`,
  'bare-lf--crlf-dot-lf': `${start}one\r\n.\n${smuggled}`,
  'bare-lf--doubled': `${start}one\r\n\ntwo\r\n`,
  'bare-cr--body': `${start}one\rtwo\r\n`,
  'bare-cr--header': start.replace('\r\nTo:', '\rTo:'),
  'bare-cr--lf-dot-cr': `${start}one\r\n.\r${smuggled}`,
  'bare-cr--cr-dot-cr': `${start}one\r.\r${smuggled}`,
  'bare-cr--crcrlf': `${start}one\r\r\ntwo\r\n`,
  'bare-cr--cr-lf-dot': `${start}one\r\r\n.\r\r\n${smuggled}`,
  'nul--body': `${start}one\0two\r\n`,
  'nul--header': start.replace('Subject: ', 'Subject: \0'),
};
