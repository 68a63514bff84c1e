import { configuredFileProblems, type FileProblem } from '../app/configured-files.ts';
import { crossedPasswordWarnings } from '../app/passwords/crossed.ts';
import { BridgeError } from '../base/errors.ts';
import { describeConfig } from '../config/describe.ts';
import { configJsonSchema } from '../config/json-schema.ts';
import { loadConfig } from '../config/load.ts';
import { configReference } from '../config/reference.ts';
import type { Config } from '../config/schema.ts';
import { readArguments, suggestionOrStop } from './arguments.ts';
import { configPath } from './config-path.ts';
import { showHelp } from './terminal/help.ts';
import type { CliIo } from './terminal/io.ts';
import { Screen } from './terminal/screen.ts';
import { tellError, tellWarning } from './terminal/tell-error.ts';

const usage = `Usage: mailbridge config check|schema|describe [--config FILE] [--json]

  check      lists everything that is wrong with the configuration file, and with the certificates and keys that it
             names
  schema     prints its JSON Schema
  describe   prints the reference of all keys (Markdown; with --json as data)

Example: mailbridge config check --config /etc/mailbridge/config.json
`;

const options = {
  config: { type: 'string', short: 'c' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/**
 * `mailbridge config`: checks configurations without starting anything.
 * @returns the exit code: 0, or 2 for an invalid configuration
 * @throws BridgeError `usage`
 */
export async function runConfig(args: string[], io: CliIo): Promise<number> {
  const { values, positionals } = readArguments('config', { args, allowPositionals: true, options });
  const [action, ...rest] = positionals;
  if (values.help) return showHelp(io, usage);
  if (rest.length > 0) throw refusal(`"config ${action}" accepts no further argument, but got "${rest[0]}".`);
  switch (action) {
    case 'check':
      return await check(configPath(values.config, io.env), values.json ?? false, io);
    case 'schema':
      return print(io, `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
    case 'describe':
      return print(
        io,
        values.json
          ? `${JSON.stringify(describeConfig(configJsonSchema()), null, 2)}\n`
          : configReference(configJsonSchema()),
      );
    default:
      throw refusal(action === undefined ? '"config" needs check, schema or describe.' : unknownAction(action));
  }
}

async function check(path: string, json: boolean, io: CliIo): Promise<number> {
  const outcome = await checkOutcome(path, io);
  if (json) {
    print(
      io,
      `${JSON.stringify({ ok: outcome.error === undefined, path, problems: outcome.problems, warnings: outcome.warnings }, null, 2)}\n`,
    );
  } else if (outcome.error) {
    tellProblems(outcome.error, io);
  } else {
    for (const warning of outcome.warnings) tellWarning(io, warning, json);
    new Screen(io.stdout, io.env).say(`${path} is valid.`, { mark: 'ok' });
  }
  return outcome.error === undefined ? 0 : 2;
}

/** Each problem on its own line, even without a terminal: they are all this command is for. */
function tellProblems(error: BridgeError, io: CliIo): void {
  if (io.stderr.isTTY) tellError(io, error, false);
  else io.stderr.write(`${error.message}\n${error.remedy} (${error.code})\n`);
}

async function checkOutcome(path: string, io: CliIo) {
  try {
    const { config, warnings } = await loadConfig(path, { env: io.env });
    const unusable = await configuredFileProblems(config);
    if (unusable.length > 0) throw unusableFiles(path, unusable);
    return { problems: [], warnings: [...warnings, ...(await crossedWarnings(config))], error: undefined };
  } catch (error) {
    if (!(error instanceof BridgeError)) throw error;
    const { problems } = error.details;
    return { problems: Array.isArray(problems) ? problems : [error.message], warnings: [], error };
  }
}

/** App passwords of the data folder that now open another account. Those that instances share are checked at start. */
async function crossedWarnings(config: Config): Promise<string[]> {
  if (config.queue.store === 'postgres') return [];
  try {
    return await crossedPasswordWarnings(config, undefined);
  } catch (error) {
    if (!(error instanceof BridgeError)) throw error;
    return [`app passwords are not compared with the accounts: ${error.message}`];
  }
}

/** In the form of the loader's errors, with the remedy of the first. */
function unusableFiles(path: string, [first, ...more]: readonly FileProblem[]): BridgeError {
  const { code, remedy } = (first as FileProblem).error;
  const problems = [first as FileProblem, ...more].map(
    ({ key, error }) => `${key}: ${error.message.replace(/\.$/, '')}`,
  );
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return new BridgeError(code, `${path} has ${count}:\n${problems.join('\n')}`, {
    remedy,
    details: { path, problems },
  });
}

function print(io: CliIo, text: string): number {
  io.stdout.write(text);
  return 0;
}

function unknownAction(action: string): string {
  return `"config" has no "${action}"${suggestionOrStop(action, ['check', 'schema', 'describe'])}`;
}

function refusal(message: string): BridgeError {
  return new BridgeError('usage', message, { remedy: 'Run mailbridge config --help.' });
}
