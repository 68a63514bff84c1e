import { createServer } from 'node:net';

// The system takes the near ends of outgoing connections from 32768 up (Linux) or 49152 up (macOS, Windows):
// a port from there that is free now may be anybody's a moment later. Each process starts at a place of its own.
const first = 20_000;
const count = 12_000;
let next = (process.pid * 64) % count;

/** The first of some consecutive ports that nobody has and the system gives to nobody. */
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
