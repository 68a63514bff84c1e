import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished, type TestContext } from 'vitest';
import { freeOctets } from '../../src/queue/stores/disk-full.ts';
import { skipLoudly } from './external.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** A separate disk, removed after the test; the test is skipped if this user may not mount one. */
export function smallDisk(context: TestContext, megabytes: number): SmallDisk {
  const folder = temporaryFolder();
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'none', folder]);
  if (mounted.status !== 0) skipLoudly(context, 'no right to mount a disk');
  onTestFinished(() => {
    spawnSync('umount', ['-l', folder]);
  });
  return new SmallDisk(folder);
}

/** A disk that a test can fill. */
export class SmallDisk {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Leaves no byte free. */
  fill(): void {
    const free = freeOctets(this.folder);
    if (free > 0) writeFileSync(join(this.folder, `filler-${free}`), Buffer.alloc(free));
  }

  /** Removes what {@link fill} wrote. */
  relieve(): void {
    const filler = spawnSync('find', [this.folder, '-name', 'filler-*'], { encoding: 'utf8' }).stdout;
    for (const file of filler.split('\n').filter(Boolean)) rmSync(file);
  }
}
