import { readFile } from 'node:fs/promises';
import { BridgeError, errorText } from '../errors.ts';

/** The text of a PEM file. @throws BridgeError `tls-material-unreadable` */
export async function readPem(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new BridgeError('tls-material-unreadable', `${file} cannot be read: ${errorText(cause)}.`, { cause });
  }
}
