import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { BridgeError, errorText } from '../errors.ts';

/** Reads the text of a PEM file. @throws BridgeError `tls-material-unreadable` */
export async function readPem(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new BridgeError('tls-material-unreadable', `${file} cannot be read: ${errorText(cause)}.`, { cause });
  }
}

/** Reads the text of a PEM file with at least one certificate. @throws BridgeError `tls-material-unreadable` */
export async function readCertificates(file: string): Promise<string> {
  const pem = await readPem(file);
  try {
    new X509Certificate(pem);
    return pem;
  } catch (cause) {
    throw new BridgeError('tls-material-unreadable', `${file} contains no certificate in PEM form.`, { cause });
  }
}
