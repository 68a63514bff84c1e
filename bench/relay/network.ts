import { spawnSync } from 'node:child_process';

/**
 * A loopback whose receivers acknowledge immediately. By default Linux delays acknowledgements up to 40 ms, and a
 * sender that leaves Nagle's algorithm on, as Postfix's TLS proxy does, waits for each: that would make Postfix on a
 * loopback five times slower than it is.
 */
const quickLoopback = `
ip link set lo up &&
for range in 127.0.0.0/8 127.0.0.1; do
  ip route change local $range dev lo proto kernel scope host src 127.0.0.1 table local quickack 1 || exit 125
done
exec "$@"
`;

const marker = 'BENCH_OWN_NETWORK';

/** Whether this process already runs in its own network. */
export function inOwnNetwork(): boolean {
  return process.env[marker] !== undefined;
}

/**
 * Runs this program again in a new network namespace.
 * @returns its exit status
 */
export function runInOwnNetwork(): number {
  const command = ['--net', 'sh', '-c', quickLoopback, 'sh', process.execPath, ...process.argv.slice(1)];
  // Ctrl-C reaches the whole process group: this process must outlive the other's cleanup.
  process.on('SIGINT', () => {});
  const { status, error } = spawnSync('unshare', command, {
    stdio: 'inherit',
    env: { ...process.env, [marker]: '1' },
  });
  if (error) throw new Error('unshare of util-linux is needed, and root', { cause: error });
  return status ?? 1;
}
