import { quoted } from '../../base/quoted-powershell.ts';

/** A variable with a list of strings, one a line. */
export function assignedList(variable: string, values: readonly string[]): string[] {
  return [
    `$${variable} = @(`,
    ...values.map((value, index) => `  ${quoted(value)}${index < values.length - 1 ? ',' : ''}`),
    ')',
  ];
}

/** A comment of one line, whatever the text contains. */
export function comment(text: string): string {
  return `# ${text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')}`;
}

/** Statements for each string of a list; `$item` is the current one. */
export function forEach(item: string, list: string, statements: readonly string[]): string[] {
  return [`foreach ($${item} in $${list}) {`, ...indented(statements), '}'];
}

/** Statements to run if a `Get-…` finds nothing. */
export function unlessFound(get: string, statements: readonly string[]): string[] {
  return [`if (-not (${get} -ErrorAction SilentlyContinue)) {`, ...indented(statements), '}'];
}

/** Statements to run if a `Get-…` finds something. */
export function ifFound(get: string, statements: readonly string[]): string[] {
  return [`if (${get} -ErrorAction SilentlyContinue) {`, ...indented(statements), '}'];
}

/** A filter (OPATH) that matches exactly the recipients with these user principal names. */
export function recipientFilter(userPrincipalNames: readonly string[]): string {
  return userPrincipalNames
    .map((name) => `UserPrincipalName -eq '${name.replace(/['\u2018\u2019\u201a\u201b]/g, '$&$&')}'`)
    .join(' -or ');
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
