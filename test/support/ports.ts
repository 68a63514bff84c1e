import { createServer } from 'node:net';

// The system uses local ports of outgoing connections from 32768 up (Linux) or 49152 up (macOS, Windows): a free port
// in that range may be taken a moment later. Each process starts at a different position.
const first = 20_000;
const count = 12_000;
let next = (process.pid * 64) % count;

/** The first of some consecutive ports that are free and that the system does not assign. */
export async function freePorts(wanted = 1): Promise<number> {
  for (let tried = 0; tried < count; tried += wanted) {
    const base = first + (next % (count - wanted));
    next += wanted;
    const free = await Promise.all(Array.from({ length: wanted }, (_, n) => isFree(base + n)));
    if (free.every(Boolean)) return base;
  }
  throw new Error(`no ${wanted} free ports between ${first} and ${first + count}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
