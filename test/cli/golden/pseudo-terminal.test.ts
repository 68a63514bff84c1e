import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { columnsOf } from '../../../src/cli/terminal/width.ts';
import { commandOutput } from '../../support/secret-search/command-output.ts';

const main = join(import.meta.dirname, '..', '..', '..', 'src', 'main.ts');
const python = `
import fcntl, os, pty, struct, sys, termios
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 24, int(sys.argv[1]), 0, 0))
    os.execv(sys.argv[2], sys.argv[2:])
while True:
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    if not data:
        break
    sys.stdout.buffer.write(data)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

const isThere = spawnSync('python3', ['-c', 'import pty']).status === 0;

test.skipIf(!isThere).each([
  [['queue', '--help'], 60, 0],
  [['queue', '--help'], 100, 0],
  [['chekc'], 40, 2],
])(
  '%j in a pseudo-terminal of %d columns fits',
  (args, width, code) => {
    const env = { ...process.env, NO_COLOR: '1' };
    const run = spawnSync('python3', ['-c', python, String(width), process.execPath, main, ...args], { env });
    commandOutput(args).stdout.end(run.stdout);
    const lines = run.stdout.toString().replaceAll('\r', '').trimEnd().split('\n');
    expect(run.status, run.stderr.toString()).toBe(code);
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.filter((line) => columnsOf(line) > width)).toEqual([]);
    expect(Math.max(...lines.map(columnsOf))).toBeGreaterThan(width - 15);
  },
  60_000,
);
