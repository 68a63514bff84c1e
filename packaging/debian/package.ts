import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../bundle/chunks.ts';
import type { PackedFile } from '../files.ts';
import { compressed, type DebianFile, debianArchive } from './archive.ts';

/** Debian's names of processor architectures. */
export const architectures = { 'linux-x64': 'amd64', 'linux-arm64': 'arm64' } as const;

export interface DebianParts {
  readonly version: string;
  readonly architecture: string;
  readonly executable: Buffer;
  /** The same in every package: documents, manual pages, the unit. */
  readonly files: readonly PackedFile[];
  /** Shell completions, by shell. */
  readonly completions: Readonly<Record<'bash' | 'zsh' | 'fish', string>>;
}

const scripts = join(repository, 'packaging/debian/scripts');
const documents = '/usr/share/doc/mailbridge';

/** The package for Debian and derivatives: the program, and what `mailbridge install-service` sets up. */
export async function debianPackage(parts: DebianParts): Promise<Buffer> {
  const files = installedFiles(parts);
  const bytes = files.reduce((sum, { content }) => sum + content.length, 0);
  const script = (name: string) => readFileSync(join(scripts, name), 'utf8');
  const control = {
    control: controlFile(parts, Math.ceil(bytes / 1024)),
    conffiles: '/etc/default/mailbridge\n',
    postinst: script('postinst'),
    prerm: script('prerm'),
    postrm: script('postrm'),
  };
  return await debianArchive(control, files);
}

function controlFile({ version, architecture }: DebianParts, kilobytes: number): string {
  return `Package: mailbridge
Version: ${version}
Architecture: ${architecture}
Maintainer: ${maintainer}
Installed-Size: ${kilobytes}
Depends: adduser, libc6 (>= 2.28), libgcc-s1 (>= 3.4), libstdc++6 (>= 8), init-system-helpers (>= 1.54)
Suggests: prometheus, postgresql
Section: mail
Priority: optional
Description: SMTP, IMAP and POP3 for Microsoft 365 with a password
 Scanners, programs and old mail clients log in to mailbridge with a user name
 and a password, or by their network address. mailbridge talks to Microsoft 365
 for them with OAuth tokens: Graph, or SMTP, IMAP and POP3 with XOAUTH2. Mail
 that it has accepted stays on disk until Microsoft has it.
 .
 The package holds the Node.js that it runs on.
`;
}

const maintainer = 'the mailbridge authors <mailbridge@localhost>';

function installedFiles(parts: DebianParts): DebianFile[] {
  const { version, executable, files, completions } = parts;
  const file = (path: string) => {
    const found = files.find((each) => each.path === path);
    if (found === undefined) throw new Error(`The packages have no ${path}.`);
    return found.content;
  };
  const text = (path: string, content: string | Buffer, mode = 0o644) => ({
    path,
    content: Buffer.from(content),
    mode,
  });
  return [
    { path: '/usr/bin/mailbridge', content: executable, mode: 0o755 },
    text('/usr/lib/mailbridge/sendmail', readFileSync(join(scripts, 'sendmail')), 0o755),
    text('/usr/lib/systemd/system/mailbridge.service', unit(file('service/mailbridge.service').toString('utf8'))),
    text('/etc/default/mailbridge', readFileSync(join(scripts, 'default'))),
    ...files.flatMap(({ path, content }) => manualPage(path, content)),
    text('/usr/share/bash-completion/completions/mailbridge', completions.bash),
    text('/usr/share/zsh/vendor-completions/_mailbridge', completions.zsh),
    text('/usr/share/fish/vendor_completions.d/mailbridge.fish', completions.fish),
    text(`${documents}/copyright`, copyright(file('LICENSE').toString('utf8'))),
    text(`${documents}/THIRD-PARTY-NOTICES.gz`, compressed(file('THIRD-PARTY-NOTICES'))),
    text(`${documents}/changelog.gz`, compressed(changelog(version))),
    text(`${documents}/NEWS.md.gz`, compressed(file('CHANGELOG.md'))),
    text(`${documents}/config.example.json`, file('config.example.json')),
    text(`${documents}/config.schema.json`, file('config.schema.json')),
    ...files
      .filter(({ path }) => path.startsWith('service/monitoring/'))
      .map(({ path, content }) => text(`${documents}/${path.slice('service/'.length)}`, content)),
    text('/usr/share/lintian/overrides/mailbridge', overrides),
  ];
}

/** The unit runs the program that the package installs. */
function unit(shipped: string): string {
  return shipped
    .replace(
      /^# The unit of mailbridge\.[^[]*/,
      '# Changes of your own belong into "systemctl edit mailbridge", which survives an upgrade.\n',
    )
    .replace(/^ExecStart=\S+/m, 'ExecStart=/usr/bin/mailbridge');
}

function manualPage(path: string, content: Buffer): DebianFile[] {
  const [, name, section] = /^man\/(.*\.(\d))$/.exec(path) ?? [];
  if (name === undefined) return [];
  return [{ path: `/usr/share/man/man${section}/${name}.gz`, content: compressed(content) }];
}

/** https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/ */
function copyright(license: string): string {
  const [, years = '', body = ''] = /^MIT License\n\nCopyright \(c\) (.*)\n\n([\s\S]*)$/.exec(license) ?? [];
  const indented = body
    .trim()
    .split('\n')
    .map((line) => (line === '' ? ' .' : ` ${line}`));
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: mailbridge
Comment: Code of other packages that is within, Node.js among it, and its licences are in THIRD-PARTY-NOTICES.gz.

Files: *
Copyright: ${years}
License: Expat

License: Expat
${indented.join('\n')}
`;
}

/** One entry: what is new is in NEWS.md.gz. */
function changelog(version: string): string {
  return `mailbridge (${version}) stable; urgency=medium

  * Version ${version}: see NEWS.md.gz.

 -- ${maintainer}  Thu, 01 Jan 2026 00:00:00 +0000
`;
}

/** Intentional deviations that lintian reports. */
const overrides = `# The program is Node.js with its own libraries, as its authors build it.
mailbridge: embedded-library
mailbridge: unstripped-binary-or-object
mailbridge: hardening-no-pie
# Nobody is to be written to: reports go where the program came from.
mailbridge: bogus-mail-host
mailbridge: bogus-mail-host-in-debian-changelog
`;
