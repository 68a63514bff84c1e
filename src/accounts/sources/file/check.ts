import type { Clock } from '../../../base/clock.ts';
import { BridgeError } from '../../../base/errors.ts';
import type { SourceFinding } from '../../password-source.ts';
import { lineProblemsText, openToOthersText, readPasswordFile } from './read.ts';

/**
 * Checks whether a password file can be used.
 * @throws BridgeError `password-file-unusable`, `password-line-invalid`
 */
export async function checkPasswordFile(file: string, clock: Clock): Promise<SourceFinding> {
  const found = await readPasswordFile(file, clock);
  const problems = lineProblemsText(found);
  if (problems !== undefined) {
    throw new BridgeError('password-line-invalid', `The password file ${file} has bad lines: ${problems}.`, {
      details: { file },
    });
  }
  const { size } = found.hashes;
  const detail = size === 1 ? '1 person' : `${size} people`;
  if (!found.isOpenToOthers) return { detail };
  const text = openToOthersText(file);
  return { detail, warning: `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.` };
}
