import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The upstream's endpoints and credentials. */
export interface SinkEndpoints {
  readonly host: string;
  readonly smtpPort: number;
  readonly graph: string;
  readonly authority: string;
  readonly caPem: string;
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

/** A message to the process. */
export type SinkOrder =
  | { readonly kind: 'gate'; readonly open: boolean }
  | { readonly kind: 'expect'; readonly messages: number }
  | { readonly kind: 'count' };

/** A message from the process. */
export type SinkReport =
  | { readonly kind: 'ready'; readonly endpoints: SinkEndpoints }
  | ({ readonly kind: 'done' } & SinkCount)
  | ({ readonly kind: 'reached'; readonly atMs: number } & SinkCount);

export interface SinkCount {
  readonly messages: number;
  readonly octets: number;
}

/** The upstream process. */
export class Sink {
  readonly endpoints: SinkEndpoints;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, endpoints: SinkEndpoints) {
    this.#child = child;
    this.endpoints = endpoints;
  }

  static async start(): Promise<Sink> {
    const child = fork(fileURLToPath(new URL('./sink-process.ts', import.meta.url)), { stdio: 'inherit' });
    const { endpoints } = await nextReport(child, 'ready');
    return new Sink(child, endpoints);
  }

  /** While shut, connections are accepted but get no answer. */
  async gate(open: boolean): Promise<void> {
    await this.#tell({ kind: 'gate', open });
  }

  /**
   * Starts counting from zero.
   * @returns when the last of this many messages arrived, in milliseconds since 1970
   */
  async expect(messages: number): Promise<{ readonly reached: Promise<{ readonly atMs: number } & SinkCount> }> {
    const reached = nextReport(this.#child, 'reached');
    await this.#tell({ kind: 'expect', messages });
    return { reached };
  }

  /** Arrivals since the last {@link expect}. */
  async count(): Promise<SinkCount> {
    return await this.#tell({ kind: 'count' });
  }

  stop(): void {
    this.#child.disconnect();
  }

  async #tell(order: SinkOrder): Promise<SinkCount> {
    const done = nextReport(this.#child, 'done');
    this.#child.send(order);
    return await done;
  }
}

function nextReport<Kind extends SinkReport['kind']>(
  child: ChildProcess,
  kind: Kind,
): Promise<Extract<SinkReport, { kind: Kind }>> {
  return new Promise((resolve, reject) => {
    const onMessage = (report: SinkReport) => {
      if (report.kind !== kind) return;
      child.off('message', onMessage);
      child.off('exit', onExit);
      resolve(report as Extract<SinkReport, { kind: Kind }>);
    };
    const onExit = () => reject(new Error('the upstream process has ended'));
    child.on('message', onMessage);
    child.once('exit', onExit);
  });
}
