import type { ErrorKind } from './errors.ts';

/** A catalogue entry: what the code stands for, in words a reader of docs/errors.md understands. */
export interface ErrorEntry {
  readonly kind: ErrorKind;
  /** What has happened, and why it does. One or two sentences. */
  readonly cause: string;
  /** What to do about it, as an instruction. */
  readonly remedy: string;
}

const entries = {
  // config
  'config-not-found': {
    kind: 'usage',
    cause: 'The configuration file does not exist or cannot be read.',
    remedy: 'Name it with --config FILE or MAILBRIDGE_CONFIG, or copy config.example.json to config.json and edit it.',
  },
  'config-not-json': {
    kind: 'usage',
    cause: 'The configuration file is not valid JSON.',
    remedy: 'Correct the file at the line and column named.',
  },
  'config-invalid': {
    kind: 'usage',
    cause: 'The configuration breaks the schema: an unknown key, a missing or a wrong value, or a reference to nothing.',
    remedy: 'Correct the value at the path named; docs/configuration.md describes every key.',
  },
  'secret-unavailable': {
    kind: 'usage',
    cause: 'A secret is to come from an environment variable or a file that is not there or is empty.',
    remedy: 'Set the variable, or create the file with mode 0600 and the secret as its only line.',
  },
  usage: {
    kind: 'usage',
    cause: 'The command line names an unknown command or option, or leaves out something it needs.',
    remedy: 'Run mailbridge --help for the commands and their options.',
  },

  // listeners
  'port-in-use': {
    kind: 'usage',
    cause: 'Another program already listens on a port that a listener wants.',
    remedy: 'Stop the other program, or change the port of the listener.',
  },
  'listen-failed': {
    kind: 'usage',
    cause: 'The operating system refused to open a listening port: an address this machine does not have, or a port below 1024 without the right to use it.',
    remedy: 'Change host or port of the listener, or give the process the right to bind it (on Linux CAP_NET_BIND_SERVICE).',
  },
  'tls-material-unreadable': {
    kind: 'usage',
    cause: 'A certificate, a private key or a CA file cannot be read or is not what it should be.',
    remedy: 'Check that the file exists, is PEM, may be read by this user, and that key and certificate belong together.',
  },
  'already-running': {
    kind: 'usage',
    cause: 'Another bridge uses the same dataDir. Two of them would send every queued message twice.',
    remedy: 'Stop the other bridge, or give this one a dataDir of its own.',
  },
} as const satisfies Record<string, ErrorEntry>;

/** A stable, documented error code. Codes are never renamed; see docs/errors.md. */
export type ErrorCode = keyof typeof entries;

/** Every error code with its cause and its remedy: the source of docs/errors.md. */
export const errorCatalogue: Readonly<Record<ErrorCode, ErrorEntry>> = entries;
