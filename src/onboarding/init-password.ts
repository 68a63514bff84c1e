import { randomInt } from 'node:crypto';

/** Letters and digits that cannot be confused and are on every device's keyboard. */
const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789';
const groups = 4;
const groupLength = 4;

/** A password of 79 bits in 19 characters: some devices accept no more than 20. */
export function makePassword(): string {
  const group = () => Array.from({ length: groupLength }, () => alphabet[randomInt(alphabet.length)]).join('');
  return Array.from({ length: groups }, group).join('-');
}
