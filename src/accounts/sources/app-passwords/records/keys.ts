/** Key of the one record that changes with every app password. */
export const changeKey = 'all';

/** Names contain no control characters. */
export function passwordKey(login: string, name: string): string {
  return `${login}\n${name.toLowerCase()}`;
}
