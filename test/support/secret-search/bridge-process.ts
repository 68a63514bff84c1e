/** Preloaded into a separate `mailbridge` process with `node --import`. Its parent records what the process writes. */
import { watchBridge } from './watch-bridge.ts';

watchBridge();
// The commands that include a simulated Microsoft 365.
if (['demo', 'simulate'].includes(process.argv[2] ?? '')) (await import('./watch-simulator.ts')).watchSimulator();
