import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { needProgram, runProgram } from './external.ts';
import { freePorts } from './ports.ts';
import { until } from './relay.ts';

/** Debian installs it in root's search path only. */
const path = `${process.env.PATH}:/usr/sbin`;

export function needHaproxy(context: TestContext): void {
  process.env.PATH = path;
  needProgram(context, 'haproxy');
}

/** A port of the balancer, and the lines after its `bind`. */
export interface Front {
  readonly name: string;
  readonly lines: readonly string[];
}

/** HAProxy, in front of the servers that its fronts name. */
export class Haproxy {
  readonly #child: ChildProcess;
  readonly #ports: ReadonlyMap<string, number>;
  /** Its output, including state changes of its servers. */
  output = '';

  private constructor(child: ChildProcess, ports: ReadonlyMap<string, number>) {
    this.#child = child;
    this.#ports = ports;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
  }

  /** Starts it and waits until it listens. */
  static async start(folder: string, fronts: readonly Front[]): Promise<Haproxy> {
    const ports = new Map<string, number>();
    for (const { name } of fronts) ports.set(name, await freePorts());
    const file = join(folder, 'haproxy.cfg');
    await writeFile(file, settings(fronts, ports));
    const haproxy = new Haproxy(spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'pipe', 'pipe'] }), ports);
    for (const port of ports.values()) await until(`HAProxy to listen: ${haproxy.output}`, () => canConnect(port));
    return haproxy;
  }

  port(name: string): number {
    return this.#ports.get(name) ?? 0;
  }

  async stop(): Promise<void> {
    const exited = this.#child.exitCode === null ? once(this.#child, 'exit') : undefined;
    this.#child.kill('SIGKILL');
    await exited;
  }
}

/** HAProxy's errors and warnings for a configuration; empty if there are none. */
export async function haproxyFaults(file: string): Promise<string> {
  const { code, output } = await runProgram('haproxy', ['-c', '-q', '-f', file]);
  return code === 0 ? output.trim() : `${code}: ${output}`;
}

function settings(fronts: readonly Front[], ports: ReadonlyMap<string, number>): string {
  const blocks = fronts.map(
    ({ name, lines }) => `
listen ${name}
  bind 127.0.0.1:${ports.get(name)}
${lines.map((line) => `  ${line}`).join('\n')}
`,
  );
  return `
global
  maxconn 500
  log stdout format raw local0 notice

defaults
  mode tcp
  log global
  timeout connect 5s
  timeout client 1m
  timeout server 1m
  timeout check 10s
${blocks.join('')}`;
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => socket.destroy());
    socket.once('error', () => resolve(false)).once('close', (failed) => resolve(!failed));
  });
}
