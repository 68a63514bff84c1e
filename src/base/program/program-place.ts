/** What {@link https://nodejs.org/api/worker_threads.html `Worker`} takes to run an entry point of the program. */
export interface ThreadEntry {
  readonly script: string | URL;
  readonly options: { readonly eval?: boolean; readonly argv?: string[] };
}

/** What `fork` takes to run an entry point of the program as a process. */
export interface ProcessEntry {
  readonly module: string;
  readonly args: readonly string[];
  /** For Node.js; undefined for those of this process. */
  readonly execArgv?: string[];
}

/**
 * Where the program's own files and entry points are. A checkout has them as sources, the bundle in the folder of the
 * package, the single executable within itself.
 */
export interface ProgramPlace {
  /**
   * Whether this is a package: what a checkout makes as it is asked for is a file there. The admin pages are
   * `pages/…` as browsers get them, with what they load of other packages in `pages/vendor/PACKAGE/…`.
   */
  readonly isPacked: boolean;
  /**
   * The content of a file that ships with the program.
   * @param path from the root of the package, with `/` between its parts: `docs/flow.md`
   * @throws the system's error where there is no such file
   */
  read(path: string): Buffer;
  /** The paths of all files below a folder, as {@link read} takes them, sorted: `docs` gives `docs/flow.md`, … */
  list(folder: string): string[];
  /** What a command line of this program begins with, all absolute paths: Node.js and the script, or the executable. */
  command(): string[];
  /**
   * @param name of the entry point, as the packages know it
   * @param source the module that runs in the thread, relative to the caller: the sources have it there
   */
  thread(name: string, source: URL): ThreadEntry;
  /** Like {@link thread}, for a process. */
  process(name: string, source: URL): ProcessEntry;
}
