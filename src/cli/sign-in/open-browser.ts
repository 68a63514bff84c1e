import { spawn } from 'node:child_process';
import type { CliIo } from '../terminal/io.ts';

/**
 * Opens a page in the browser of the terminal's user, if there is one. It never fails: the URL is printed as well.
 * @param url `https:` or `http:`; passed to the program as one argument, without a shell
 */
export function openBrowser(url: string, io: CliIo): void {
  const [command, ...args] = opener(io.env) ?? [];
  if (command === undefined || !io.stdout.isTTY) return;
  const child = spawn(command, [...args, url], { stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
}

function opener(env: CliIo['env']): readonly string[] | undefined {
  if (process.platform === 'darwin') return ['open'];
  if (process.platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler'];
  // Without a display, xdg-open would start a browser in this very terminal.
  return env.DISPLAY || env.WAYLAND_DISPLAY ? ['xdg-open'] : undefined;
}
