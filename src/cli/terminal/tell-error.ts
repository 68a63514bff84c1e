import { BridgeError } from '../../base/errors.ts';
import { systemFailure } from '../../base/system/system-failure.ts';
import { safeLine, visible } from '../../base/visible.ts';
import type { CliIo } from './io.ts';
import { Screen } from './screen.ts';

type ErrorOutput = Pick<CliIo, 'stderr' | 'env'>;

/**
 * Shows on standard error what went wrong and what to do: one line, which a terminal breaks between words; there, each
 * problem that the message lists has its own line.
 * @param json one JSON object instead: `code`, `message`, `remedy`, and `details` if there are any
 */
export function tellError({ stderr, env }: ErrorOutput, error: BridgeError, json: boolean): void {
  if (json) {
    stderr.write(`${visible(JSON.stringify(errorData(error)))}\n`);
    return;
  }
  if (!stderr.isTTY) {
    stderr.write(`mailbridge: ${error}\n`);
    return;
  }
  const screen = new Screen(stderr, env);
  const [message = '', ...listed] = error.message.split('\n');
  const end = `${error.remedy} (${error.code})`;
  if (listed.length === 0) {
    screen.say(safeLine(`${message} ${end}`), { mark: 'failed' });
    return;
  }
  screen.say(message, { mark: 'failed' });
  for (const each of listed) screen.say(each, { indent: 4, hanging: 6 });
  screen.say(safeLine(end), { mark: 'remedy', indent: 2 });
}

/** Runs a command and shows its error. @returns its exit code; for an error, 2 for wrong usage and otherwise 1 */
export async function withErrorsTold(io: ErrorOutput, json: boolean, run: () => Promise<number>): Promise<number> {
  try {
    return await run();
  } catch (error) {
    const told = error instanceof BridgeError ? error : systemFailure(error);
    if (told === undefined) throw error;
    tellError(io, told, json);
    return told.kind === 'usage' ? 2 : 1;
  }
}

/** Shows a warning on standard error while the command continues. @param json as for an error */
export function tellWarning({ stderr, env }: ErrorOutput, text: string, json: boolean): void {
  if (json) stderr.write(`${visible(JSON.stringify({ warning: text }))}\n`);
  else if (stderr.isTTY) new Screen(stderr, env).say(text, { mark: 'warning' });
  else stderr.write(`warning: ${text}\n`);
}

function errorData({ code, message, remedy, details }: BridgeError): object {
  return { code, message, remedy, ...(Object.keys(details).length > 0 && { details }) };
}
