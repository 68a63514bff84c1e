import type { Environment } from '../../config/secrets.ts';

/** What a command reads from; a terminal has more. */
export interface CliInput extends NodeJS.ReadableStream {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
}

/** What a command writes to. */
export interface CliOutput extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  /** Of a terminal. */
  readonly columns?: number;
}

/** All that a command has of the world around it: a test hands in its own. */
export interface CliIo {
  readonly stdin: CliInput;
  readonly stdout: CliOutput;
  readonly stderr: CliOutput;
  readonly env: Environment;
}
