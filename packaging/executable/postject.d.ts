declare module 'postject' {
  /** Puts a resource into an executable (ELF, PE, Mach-O) where Node.js looks for it. */
  export function inject(
    filename: string,
    resourceName: string,
    resourceData: Buffer,
    options: { readonly sentinelFuse: string },
  ): Promise<void>;
}
