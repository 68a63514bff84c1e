/** What {@link https://nodejs.org/api/worker_threads.html `Worker`} needs to run an entry point of the program. */
export interface ThreadEntry {
  readonly script: string | URL;
  readonly options: { readonly eval?: boolean; readonly argv?: string[] };
}

/** What `fork` needs to run an entry point of the program as a process. */
export interface ProcessEntry {
  readonly module: string;
  readonly args: readonly string[];
  /** Options for Node.js; undefined for those of this process. */
  readonly execArgv?: string[];
}

/**
 * Locates the program's own files and entry points. A checkout has them as sources, the bundle in the folder of the
 * package, the single executable within itself.
 */
export interface ProgramPlace {
  /**
   * Whether this is a package: files that a checkout generates on request exist there. The admin pages are `pages/…` as
   * browsers get them, with what they load of other packages in `pages/vendor/PACKAGE/…`.
   */
  readonly isPacked: boolean;
  /**
   * Reads a file that ships with the program.
   * @param path from the root of the package, with `/` as the separator: `docs/flow.md`
   * @throws the system's error if there is no such file
   */
  read(path: string): Buffer;
  /**
   * Lists the paths of all files below a folder, as {@link read} takes them, sorted: `docs` yields `docs/flow.md`, …
   */
  list(folder: string): string[];
  /**
   * The beginning of a command line for this program, with absolute paths: Node.js and the script, or the executable.
   */
  command(): string[];
  /**
   * @param name of the entry point in the packages
   * @param source the module that runs in the thread, relative to the caller: used by the sources
   */
  thread(name: string, source: URL): ThreadEntry;
  /** Like {@link thread}, for a process. */
  process(name: string, source: URL): ProcessEntry;
}
