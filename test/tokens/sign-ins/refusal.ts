import { inspect } from 'node:util';
import { expect } from 'vitest';
import { BridgeError } from '../../../src/base/errors.ts';
import { loggableError } from '../../../src/base/log.ts';
import { key, refreshToken } from './samples.ts';

/** The error of a refused use, checked to contain no secret in any form. */
export async function refusal(using: Promise<unknown>): Promise<BridgeError> {
  const error = await using.then(
    () => expect.fail('it succeeded'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(BridgeError);
  const shown = [String(error), inspect(error, { depth: 9 }), JSON.stringify(loggableError(error))].join('\n');
  for (const hidden of [refreshToken, key.toString('hex'), key.toString('base64')]) expect(shown).not.toContain(hidden);
  return error as BridgeError;
}
