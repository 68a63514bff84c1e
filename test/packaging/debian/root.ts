import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** The result of a command line. */
export interface Came {
  readonly status: number;
  /** Both streams. */
  readonly output: string;
}

/**
 * A Debian that discards every change: a layer over this machine, or over the root named by DEBIAN_ROOT (made by
 * `debootstrap --variant=minbase --include=adduser,libstdc++6 bookworm FOLDER`). No systemd runs in it.
 */
export class DebianRoot {
  readonly #shell: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(shell: ChildProcess) {
    this.#shell = shell;
    this.#ended = once(shell, 'exit');
  }

  /** Whether this machine allows such layers: only for root, and not in every container. */
  static isPossible(): boolean {
    const { upper, work, mounted } = folders(temporaryFolder());
    const options = `lowerdir=/,upperdir=${upper},workdir=${work}`;
    const script = `mount -t overlay overlay -o ${options} ${mounted} && test -x ${mounted}/usr/bin/dpkg`;
    return spawnSync('unshare', ['--mount', '--pid', '--fork', 'sh', '-c', script]).status === 0;
  }

  /**
   * @param folder for the changes
   * @param shared a folder of this machine that appears as /packages there
   */
  static open(folder: string, shared: string): DebianRoot {
    const { upper, work, mounted } = folders(folder);
    const lower = process.env.DEBIAN_ROOT ?? '/';
    const script = `set -e
mount -t overlay overlay -o lowerdir=${lower},upperdir=${upper},workdir=${work} ${mounted}
mkdir -p ${mounted}/packages
mount --bind ${shared} ${mounted}/packages
mount -t proc proc ${mounted}/proc
mount --rbind /dev ${mounted}/dev
rm -f ${mounted}/usr/sbin/sendmail
exec chroot ${mounted} /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive sh`;
    const shell = spawn('unshare', ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    return new DebianRoot(shell);
  }

  /** Runs a command line as root, or as a user of that Debian. */
  async run(command: string, user?: string): Promise<Came> {
    const mark = randomUUID();
    const as = user === undefined ? '' : `setpriv --reuid=${user} --regid=$(id -g ${user}) --clear-groups `;
    const { stdin, stdout } = this.#shell;
    if (!stdin || !stdout) throw new Error('the shell has no streams');
    const came = new Promise<Came>((resolve, reject) => {
      let output = '';
      const read = (text: Buffer) => {
        output += text;
        const end = new RegExp(`${mark} (\\d+)\\n$`).exec(output);
        if (!end) return;
        stdout.off('data', read);
        resolve({ status: Number(end[1]), output: output.slice(0, end.index) });
      };
      stdout.on('data', read);
      void this.#ended.then(() => reject(new Error(`the shell has ended: ${output}`)));
    });
    stdin.write(`${as}sh -c ${quoted(command)} 2>&1 </dev/null; echo "${mark} $?"\n`);
    return await came;
  }

  /** Runs a command line that must succeed. @returns its output, without the last line end */
  async must(command: string, user?: string): Promise<string> {
    const { status, output } = await this.run(command, user);
    if (status !== 0) throw new Error(`${command} failed (${status}):\n${output}`);
    return output.replace(/\n$/, '');
  }

  /** Ends all its processes; resolves when nothing is mounted any more. */
  async close(): Promise<void> {
    this.#shell.kill('SIGKILL');
    await this.#ended;
  }
}

function folders(folder: string) {
  const [upper, work, mounted] = ['upper', 'work', 'root'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const each of [upper, work, mounted]) mkdirSync(each);
  return { upper, work, mounted };
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
