import { dirname, resolve } from 'node:path';
import { adminTokenFile, ensureAdminToken, rotateAdminToken } from '../../admin/access/token-file.ts';
import { becomeDataFolderOwner } from '../../app/data-folder-owner.ts';
import { hasConfig } from '../../app/set-up/runner.ts';
import { BridgeError } from '../../base/errors.ts';
import { makeFolders } from '../../base/files/ownership.ts';
import { loadConfig } from '../../config/load.ts';
import { dataDirFor } from '../../onboarding/init-config.ts';
import { readArguments, suggestionOrStop } from '../arguments.ts';
import { audited, commandUser } from '../audited.ts';
import { configPath, newConfigPath } from '../config-path.ts';
import { showHelp } from '../terminal/help.ts';
import type { CliIo } from '../terminal/io.ts';
import { Screen } from '../terminal/screen.ts';

const usage = `Usage: mailbridge admin token [--rotate] [--config FILE] [--json]

Prints the token that administrators sign in with to the pages and the API ("admin" in the configuration). It is made
when it is first asked for, or at the first start, and kept in the data folder.

  --rotate  makes a new one; the old one and all sessions that began with it end at once
  --json    prints JSON

Example: mailbridge admin token
`;

/** `mailbridge admin` */
export async function runAdmin(args: string[], io: CliIo): Promise<number> {
  const { values, positionals } = readArguments('admin', {
    args,
    allowPositionals: true,
    options: {
      rotate: { type: 'boolean', default: false },
      config: { type: 'string', short: 'c' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return showHelp(io, usage);
  const [word = '', ...more] = positionals;
  if (word !== 'token' || more.length > 0) throw wrongAction(word, more);
  const present = configPath(values.config, io.env);
  const isSetUp = await hasConfig(present);
  const path = isSetUp ? present : newConfigPath(values.config, io.env);
  const { admin, dataDir } = isSetUp
    ? (await loadConfig(path, { env: io.env, secrets: ['token'] })).config
    : { admin: undefined, dataDir: resolve(dirname(path), dataDirFor(path)) };
  const configured = admin?.token?.reveal();
  if (configured !== undefined) {
    if (values.rotate) {
      throw new BridgeError('usage', 'The admin token is the one of the configuration (admin.token).', {
        remedy: 'Change it there, and restart the bridge; or remove admin.token.',
      });
    }
    tell(configured, 'admin.token', values.json, io);
    return 0;
  }
  const user = commandUser(io.env);
  becomeDataFolderOwner(dataDir);
  makeFolders(dataDir);
  const rotation = { action: 'admin-token.rotate', details: {}, user, dataDir };
  const token = values.rotate
    ? await audited(rotation, io, () => rotateAdminToken(dataDir))
    : (await ensureAdminToken(dataDir)).token;
  tell(token, adminTokenFile(dataDir), values.json, io);
  if (!admin && isSetUp)
    new Screen(io.stderr, io.env).say('The configuration has no "admin": nothing uses the token.', { mark: 'warning' });
  return 0;
}

/** The token is only written to standard output, where a program can take it from. */
function tell(token: string, from: string, json: boolean, io: CliIo): void {
  io.stdout.write(json ? `${JSON.stringify({ token, from })}\n` : `${token}\n`);
}

function wrongAction(word: string, more: readonly string[]): BridgeError {
  const text =
    word === ''
      ? '"admin" needs an action: token.'
      : word === 'token'
        ? `"admin token" does not know "${more[0]}".`
        : `"admin" cannot "${word}"${suggestionOrStop(word, ['token'])}`;
  return new BridgeError('usage', text, { remedy: 'Run mailbridge admin --help.' });
}
