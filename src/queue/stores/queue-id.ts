import { randomInt } from 'node:crypto';

const suffixes = 36 ** 5;

let lastTime = 0;
let lastSuffix = 0;

/**
 * A queue id of letters and digits, sorted by time: nine for the millisecond, five that start at random and count up.
 */
export function newId(): string {
  const now = Date.now();
  lastSuffix++;
  if (now > lastTime || lastSuffix === suffixes) {
    lastTime = Math.max(now, lastTime + 1);
    lastSuffix = randomInt(suffixes / 2);
  }
  return digits(lastTime, 9) + digits(lastSuffix, 5);
}

function digits(value: number, length: number): string {
  return value.toString(36).padStart(length, '0');
}
