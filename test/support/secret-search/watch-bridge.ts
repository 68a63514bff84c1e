import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { PasswordVerifier } from '../../../src/accounts/password-verifier.ts';
import { Secret } from '../../../src/config/secrets.ts';
import { noteSecret } from './record.ts';

/** Records the secrets that the bridge gets from outside: its configuration, key files, and clients' credentials. */
export function watchBridge(): void {
  const { reveal } = Secret.prototype;
  Secret.prototype.reveal = function () {
    const value = reveal.call(this);
    noteConfigured(value);
    return value;
  };
  const { verify } = PasswordVerifier.prototype;
  PasswordVerifier.prototype.verify = function (...args) {
    const [, , given] = args;
    if (typeof given === 'string') noteSecret('password at a login', given);
    return verify.apply(this, args);
  };
  watchReads();
}

/** The contents of a file count as seen, even if the file is refused and nothing of it is used. */
function watchReads(): void {
  const { readFileSync } = fs;
  const { readFile } = fs.promises;
  fs.readFileSync = ((...args: Parameters<typeof readFileSync>) => {
    const content = readFileSync(...args);
    noteContent(content);
    return content;
  }) as typeof readFileSync;
  fs.promises.readFile = (async (...args: Parameters<typeof readFile>) => {
    const content = await readFile(...args);
    noteContent(content);
    return content;
  }) as typeof readFile;
  syncBuiltinESMExports();
}

const maxContentOctets = 64 * 1024;
const secretKey = /"(?:password|clientSecret|tokenKey|proxy)"\s*:\s*("(?:[^"\\\n]|\\.)*")/g;
const privateKey = /-----BEGIN (?:\w+ )*PRIVATE KEY-----\s+([\w+/=\s]+)-----END/g;

/** The secrets in a configuration, which need not be valid JSON, and private keys. */
function noteContent(content: string | Buffer): void {
  if (content.length > maxContentOctets) return;
  const text = content.toString();
  if (/^\s*\{/.test(text)) {
    for (const [, quoted = ''] of text.matchAll(secretKey)) noteConfigured(unquoted(quoted));
  }
  for (const [, body = ''] of text.matchAll(privateKey)) noteSecret('private key', body.replaceAll(/\s/g, ''));
}

function unquoted(text: string): string {
  try {
    return JSON.parse(text) as string;
  } catch {
    return text.slice(1, -1);
  }
}

/** Only the password of a proxy's URL: the rest of it may be shown. */
function noteConfigured(value: string): void {
  const url = /^https?:/.test(value) && URL.canParse(value) ? new URL(value) : undefined;
  noteSecret('configured secret', url === undefined ? value : decodeURIComponent(url.password));
}
