import { open } from 'node:fs/promises';
import { BridgeError } from '../../base/errors.ts';
import { fileErrorText } from '../../base/files/private-file.ts';

/** Assertions have one to three kilobytes. */
const maxAssertionBytes = 16 * 1024;

/**
 * Reads a federated client assertion: a JWT of another issuer that Entra ID trusts to represent the app (Microsoft
 * Entra documentation, "Workload identity federation"). The issuer replaces the file long before it expires.
 * @param connection its name, for messages
 * @throws BridgeError `client-assertion-invalid`
 */
export async function readClientAssertion(connection: string, file: string): Promise<string> {
  const fail = (what: string, cause?: unknown) =>
    new BridgeError(
      'client-assertion-invalid',
      `The client assertion of connection "${connection}": ${file} ${what}.`,
      {
        cause,
        details: { connection, file },
      },
    );
  let content: string | undefined;
  try {
    content = await readStart(file, maxAssertionBytes + 1);
  } catch (error) {
    const reason = fileErrorText(error);
    throw fail(reason === 'ENOENT' ? 'does not exist' : `cannot be read (${reason})`, error);
  }
  if (content.length > maxAssertionBytes) throw fail(`is larger than ${maxAssertionBytes} bytes`);
  const assertion = content.trim();
  if (assertion === '') throw fail('is empty');
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(assertion)) throw fail('holds no JWT');
  return assertion;
}

/** Reads the first bytes of a file, which may be a pipe. */
async function readStart(file: string, bytes: number): Promise<string> {
  const buffer = Buffer.alloc(bytes);
  const handle = await open(file, 'r');
  try {
    let length = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, length, bytes - length);
      length += bytesRead;
      if (bytesRead === 0 || length === bytes) return buffer.toString('latin1', 0, length);
    }
  } finally {
    await handle.close();
  }
}
