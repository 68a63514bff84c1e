/** Runs before `mailbridge` in a process of its own: `node --import`. What that writes, its parent records. */
import { watchBridge } from './watch-bridge.ts';

watchBridge();
// The commands that bring a Microsoft 365 with them.
if (['demo', 'simulate'].includes(process.argv[2] ?? '')) (await import('./watch-simulator.ts')).watchSimulator();
