import type { ErrorKind } from './errors.ts';

/** A catalogue entry: what the code stands for, in words a reader of docs/errors.md understands. */
export interface ErrorEntry {
  readonly kind: ErrorKind;
  /** What has happened, and why it does. One or two sentences. */
  readonly cause: string;
  /** What to do about it, as an instruction. */
  readonly remedy: string;
}

const entries = {
  // config
  'config-not-found': {
    kind: 'usage',
    cause: 'The configuration file does not exist or cannot be read.',
    remedy: 'Name it with --config FILE or MAILBRIDGE_CONFIG, or copy config.example.json to config.json and edit it.',
  },
  'config-not-json': {
    kind: 'usage',
    cause: 'The configuration file is not valid JSON.',
    remedy: 'Correct the file at the line and column named.',
  },
  'config-invalid': {
    kind: 'usage',
    cause:
      'The configuration breaks the schema: an unknown key, a missing or a wrong value, or a reference to nothing.',
    remedy: 'Correct the value at the path named; docs/configuration.md describes every key.',
  },
  'secret-unavailable': {
    kind: 'usage',
    cause: 'A secret is to come from an environment variable or a file that is not there or is empty.',
    remedy: 'Set the variable, or create the file with mode 0600 and the secret as its only line.',
  },
  usage: {
    kind: 'usage',
    cause: 'The command line names an unknown command or option, or leaves out something it needs.',
    remedy: 'Run mailbridge --help for the commands and their options.',
  },

  // listeners
  'port-in-use': {
    kind: 'usage',
    cause: 'Another program already listens on a port that a listener wants.',
    remedy: 'Stop the other program, or change the port of the listener.',
  },
  'listen-failed': {
    kind: 'usage',
    cause:
      'The operating system refused to open a listening port: an address this machine does not have, or a port below 1024 without the right to use it.',
    remedy:
      'Change host or port of the listener, or give the process the right to bind it (on Linux CAP_NET_BIND_SERVICE).',
  },
  'tls-material-unreadable': {
    kind: 'usage',
    cause: 'A certificate, a private key or a CA file cannot be read or is not what it should be.',
    remedy:
      'Check that the file exists, is PEM, may be read by this user, and that key and certificate belong together.',
  },
  'data-folder-unusable': {
    kind: 'usage',
    cause: 'The data folder cannot be made, read or written.',
    remedy: 'Check that the folder exists, belongs to the user that runs the bridge, and has free space.',
  },
  'already-running': {
    kind: 'usage',
    cause: 'Another bridge uses the same dataDir. Two of them would send every queued message twice.',
    remedy: 'Stop the other bridge, or give this one a dataDir of its own.',
  },

  // connections
  'grant-unavailable': {
    kind: 'usage',
    cause: 'The connection names a grant that this version of mailbridge cannot use.',
    remedy: 'Use the grant client-credentials.',
  },
  'connection-gone': {
    kind: 'needs-admin',
    cause: 'A queued message belongs to a connection that the configuration no longer has.',
    remedy: 'Put the connection back, or delete the message from the queue.',
  },

  // queue
  'queue-unreadable': {
    kind: 'usage',
    cause: 'The queue database cannot be opened: no right to write to dataDir, a full disk, or a damaged file.',
    remedy:
      'Check the rights and the free space of dataDir. A damaged queue.sqlite can be moved aside; keep it for recovery.',
  },
  'queue-format-newer': {
    kind: 'usage',
    cause: 'The queue was written by a later version of mailbridge.',
    remedy: 'Install that version again, or drain the queue with it first.',
  },
  'queue-body-missing': {
    kind: 'permanent',
    cause:
      'The body of a queued message is gone or cut short: somebody deleted or changed files under dataDir/queue/bodies.',
    remedy: 'Restore dataDir/queue/bodies from a backup and release the message, or delete it from the queue.',
  },

  // couriers
  'upstream-unreachable': {
    kind: 'temporary',
    cause: 'Microsoft 365 could not be reached, or the connection broke before the message was handed over.',
    remedy: 'Nothing, if it passes: the message is tried again. Otherwise check DNS, the firewall and the proxy.',
  },
  'upstream-certificate-untrusted': {
    kind: 'needs-admin',
    cause:
      'The server in the place of Microsoft 365 showed a certificate that is not trusted, expired or made out to another name.',
    remedy:
      'If a proxy inspects TLS, set caFile of the cloud to its CA; otherwise check the host name and the clock of this machine.',
  },
  'upstream-ambiguous': {
    kind: 'temporary',
    cause:
      'The connection broke after the whole message was sent and before Microsoft 365 answered. It may have been delivered.',
    remedy: 'Nothing: the message is tried again, and a recipient may get it twice.',
  },
  'delivery-aborted': {
    kind: 'temporary',
    cause: 'The bridge gave up a delivery attempt under way, because it stops or because the attempt took too long.',
    remedy: 'Nothing: the message is tried again.',
  },
  'message-unreadable': {
    kind: 'temporary',
    cause: 'A queued message could not be read whole from the disk.',
    remedy: 'Check the disk and the rights of dataDir.',
  },
  'xoauth2-not-offered': {
    kind: 'needs-admin',
    cause: 'The SMTP or IMAP server does not offer to log in with XOAUTH2.',
    remedy:
      'Check host and port of the endpoint: smtp.office365.com, port 587 (port 25 of an Exchange host is the wrong door), or outlook.office365.com, port 993.',
  },
  'address-not-sendable': {
    kind: 'permanent',
    cause:
      'The address cannot be told to the SMTP server: it holds angle brackets or line ends, or characters beyond ASCII that the server does not take.',
    remedy: 'Correct the address.',
  },
  'message-too-large-for-smtp': {
    kind: 'permanent',
    cause: 'The message is larger than the SMTP server says it takes.',
    remedy: 'Send it smaller or in parts.',
  },
  'message-too-large-for-graph': {
    kind: 'permanent',
    cause: 'The message is larger than Microsoft Graph takes in one sendMail request.',
    remedy: 'Set send of the account to smtp, which takes up to 150 MB.',
  },
  'header-too-large-for-graph': {
    kind: 'permanent',
    cause: 'The header section of the message is larger than 1 MB and cannot be prepared for Microsoft Graph.',
    remedy: 'Set send of the account to smtp, or make the program send fewer and shorter header fields.',
  },
  'envelope-narrower-than-headers': {
    kind: 'permanent',
    cause:
      'To or Cc name addresses that the envelope does not. Microsoft Graph mails whoever the header names, so they would get an unwanted copy.',
    remedy: 'Set send of the account to smtp, which keeps to the envelope.',
  },
  'graph-unexpected-status': {
    kind: 'permanent',
    cause:
      'Microsoft Graph answered sendMail with a success other than 202 Accepted; such messages have been seen not to be sent.',
    remedy: 'Look into Sent Items of the mailbox. Large messages are answered so: set send of the account to smtp.',
  },

  // outgoing HTTPS (beside upstream-unreachable and upstream-certificate-untrusted above)
  'upstream-name-unknown': {
    kind: 'temporary',
    cause: 'A host name could not be turned into an address: a typing error, no DNS server, or no network.',
    remedy:
      'Check the name, the DNS settings and the network of this machine. Where only a proxy reaches the internet, configure proxy or HTTPS_PROXY.',
  },
  'upstream-timeout': {
    kind: 'temporary',
    cause: 'A host did not accept a connection, or did not answer, within the time allowed.',
    remedy: 'Nothing, if it passes. Otherwise check the network and that no firewall swallows packets to that host.',
  },
  'upstream-connection-lost': {
    kind: 'temporary',
    cause: 'A connection was cut in the middle of a request or of its answer.',
    remedy: 'Nothing, if it passes. Otherwise look for a firewall or a proxy that cuts connections.',
  },
  'upstream-tls-failed': {
    kind: 'needs-admin',
    cause:
      'No TLS connection came about: the other side speaks no TLS on that port, or none that this side accepts (1.2 or later).',
    remedy: 'Check host and port, and look for a proxy or firewall in between that changes TLS.',
  },
  'upstream-answer-invalid': {
    kind: 'temporary',
    cause:
      'A host answered with something that is not HTTP, IMAP or POP3 (whichever was expected of it), or with far more than any proper answer holds.',
    remedy: 'Check host and port, and look for a proxy or login portal in between that answers in its place.',
  },
  'proxy-invalid': {
    kind: 'usage',
    cause: 'The proxy, as configured or from HTTPS_PROXY or HTTP_PROXY, is not an http:// or https:// address.',
    remedy: 'Write it as http://host:port or http://user:password@host:port.',
  },
  'proxy-refused': {
    kind: 'needs-admin',
    cause: 'The HTTP proxy refused to open the way to a host.',
    remedy:
      'With 407, give the proxy a user and password (http://user:password@host:port); otherwise ask its administrator to allow the host and port named.',
  },

  // tokens
  'token-refused': {
    kind: 'needs-admin',
    cause: 'Microsoft Entra ID refuses to issue a token. The message names its code (AADSTS…) and what it means.',
    remedy: 'Do what the message says in the Entra admin center; docs/errors.md lists the codes. Mail waits meanwhile.',
  },
  'token-temporarily-unavailable': {
    kind: 'temporary',
    cause: 'Microsoft Entra ID is overloaded, asks to be left alone for a while, or has trouble of its own.',
    remedy: 'Nothing: it is tried again. If it lasts, look at https://status.cloud.microsoft.',
  },
  'token-answer-invalid': {
    kind: 'needs-admin',
    cause:
      'What answered in place of Microsoft Entra ID gave no token and no error that Entra ID would give: a proxy, a login portal, or a wrong authority.',
    remedy: 'Check cloud (authority) of the connection, and look for a proxy or login portal in between.',
  },
  'authority-invalid': {
    kind: 'usage',
    cause:
      'The authority that issues tokens is not an https:// address without a path, such as https://login.microsoftonline.com.',
    remedy:
      'Correct cloud (authority) of the connection. Plain http is refused because the client secret would travel in clear.',
  },
  'tenant-invalid': {
    kind: 'usage',
    cause:
      'The tenant is not a tenant id (GUID) or a verified domain; common, organizations and consumers name no tenant, which a token for the app itself needs.',
    remedy: 'Set tenantId to the Directory (tenant) ID shown on the overview page of the app registration.',
  },
  'client-certificate-invalid': {
    kind: 'usage',
    cause:
      'The client certificate or its private key cannot be used: not PEM, encrypted, not RSA of at least 2048 bits, or not belonging together.',
    remedy:
      'Give clientCertificate a PEM certificate and its unencrypted RSA private key, and upload the same certificate to the app registration.',
  },

  // reading by IMAP and POP3 (beside the upstream-… codes above)
  'mailbox-login-refused': {
    kind: 'needs-admin',
    cause:
      'Exchange Online has no use for the token at this mailbox: AUTHENTICATE failed. The app lacks the permission, is not registered in Exchange, or the protocol is switched off for the mailbox.',
    remedy:
      'Check the application permission (IMAP.AccessAsApp, POP.AccessAsApp) and its admin consent; New-ServicePrincipal with the object id of the enterprise application; Add-MailboxPermission for the mailbox; ImapEnabled and PopEnabled of Get-CASMailbox.',
  },
  'mailbox-connections-exceeded': {
    kind: 'temporary',
    cause:
      'Exchange Online lets no further connection to this mailbox in, or has been asked too often in a short time.',
    remedy: 'Let fewer programs read the mailbox at a time, and less often.',
  },
  'mailbox-login-unavailable': {
    kind: 'temporary',
    cause:
      'Exchange Online ended the connection or refused service before the login was done, for a reason that passes.',
    remedy: 'Nothing: the next login may succeed. If it lasts, look at https://status.cloud.microsoft.',
  },
  'login-refused': {
    kind: 'needs-admin',
    cause: 'A mail program logged in with a username that no account has, or with a wrong password.',
    remedy:
      'Correct username and password in the mail program: they are those of the account in the configuration, not those of Microsoft 365. mailbridge hash-password makes a new password.',
  },
  'login-blocked': {
    kind: 'temporary',
    cause: 'Too many different wrong logins came from one address; it is blocked for a while.',
    remedy:
      'Correct the password in the program at that address. limits.loginFailuresPerAddress and limits.loginBlockSeconds set when and how long.',
  },
  'login-busy': {
    kind: 'temporary',
    cause: 'More logins came at once than passwords can be verified.',
    remedy: 'Nothing: programs try again. If it lasts, look for one that logs in all the time with a wrong password.',
  },
  'login-other-mailbox': {
    kind: 'needs-admin',
    cause: 'A program logged in to one account and asked for the mailbox of another (authorization identity).',
    remedy: 'Leave the authorization identity empty in the program, or make an account for that mailbox.',
  },
  'account-not-reading': {
    kind: 'needs-admin',
    cause: 'A program logged in by IMAP or POP3 to an account that is not set up to read, or to read otherwise.',
    remedy: 'Set read of the account: imap serves IMAP and POP3 programs, pop3 serves POP3 programs alone.',
  },
  'account-connections-exceeded': {
    kind: 'temporary',
    cause: 'An account has as many IMAP or POP3 connections open as limits.maxConnectionsPerAccount allows.',
    remedy:
      'Let fewer programs use the account at a time, or raise limits.maxConnectionsPerAccount; Exchange Online itself allows about 20 for each mailbox.',
  },
  'client-connections-exceeded': {
    kind: 'temporary',
    cause: 'A listener has as many connections open as it takes, in all or from one address.',
    remedy:
      'Look for a program that leaves connections open, or raise limits.maxConnections or limits.maxConnectionsPerAddress.',
  },
  'mailbox-not-connected': {
    kind: 'needs-admin',
    cause:
      'Exchange Online took the token and then opened no mailbox: User is authenticated but not connected. The app has no right to this mailbox, IMAP is switched off for it, it has no licence, or it has too many connections open.',
    remedy:
      'Check that New-ServicePrincipal was run with the object id of the enterprise application (not of the app registration), that Add-MailboxPermission gave it FullAccess to the mailbox, and ImapEnabled of Get-CASMailbox. If other logins to the mailbox work, let fewer programs read it at a time.',
  },
  'mailbox-session-expired': {
    kind: 'temporary',
    cause:
      'Exchange Online ended an open session because the token it was opened with has expired, which it does after an hour or so.',
    remedy: 'Nothing: the mail program logs in again and gets a new token.',
  },
  'mailbox-session-ended': {
    kind: 'temporary',
    cause: 'Exchange Online ended an open session, or the connection broke, before the mail program had signed off.',
    remedy:
      'Nothing, if it is seldom: the mail program logs in again. Otherwise look for a firewall that cuts idle connections, and let fewer programs read the mailbox at a time.',
  },
  'maildrop-in-use': {
    kind: 'temporary',
    cause: 'Another POP3 session has the mailbox open. POP3 allows one at a time (RFC 1939 section 4).',
    remedy: 'Let the programs that fetch from this mailbox do so at different times.',
  },
  'mailbox-store-failed': {
    kind: 'temporary',
    cause: 'Exchange Online refused or broke off a command in an open mailbox that a POP3 session is translated to.',
    remedy: 'Nothing, if it passes. The log says what Exchange Online answered.',
  },
} as const satisfies Record<string, ErrorEntry>;

/** A stable, documented error code. Codes are never renamed; see docs/errors.md. */
export type ErrorCode = keyof typeof entries;

/** Every error code with its cause and its remedy: the source of docs/errors.md. */
export const errorCatalogue: Readonly<Record<ErrorCode, ErrorEntry>> = entries;
