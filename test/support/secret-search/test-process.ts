/** Runs before every test file, in its process. */
import { expect } from 'vitest';
import { testVariable } from './record.ts';
import { watchBridge } from './watch-bridge.ts';
import { watchProcess } from './watch-process.ts';
import { watchSimulator } from './watch-simulator.ts';

process.env[testVariable] = expect.getState().testPath ?? 'no test';
watchProcess();
watchBridge();
watchSimulator();
