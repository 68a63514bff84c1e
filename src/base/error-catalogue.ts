import type { ErrorKind } from './error-kind.ts';

/** A catalogue entry: the meaning of a code, worded for readers of docs/errors.md. */
export interface ErrorEntry {
  readonly kind: ErrorKind;
  /** What has happened, and why. One or two sentences. */
  readonly cause: string;
  /** What to do about it, as an instruction. */
  readonly remedy: string;
}

const entries = {
  // config
  'config-not-found': {
    kind: 'usage',
    cause: 'The configuration file does not exist or cannot be read.',
    remedy:
      'Run mailbridge init to write one, or mailbridge start --set-up to make it on a web page. If the file is elsewhere, name it with --config FILE or MAILBRIDGE_CONFIG.',
  },
  'config-not-json': {
    kind: 'usage',
    cause: 'The configuration file is not valid JSON. Comments and trailing commas are allowed in it.',
    remedy: 'Correct the file at the line and column named.',
  },
  'config-invalid': {
    kind: 'usage',
    cause:
      'The configuration does not match the schema: an unknown key, a missing or wrong value, or a reference to something that does not exist.',
    remedy: 'Correct the value at the path named; mailbridge help configuration KEY describes it.',
  },
  'secret-unavailable': {
    kind: 'usage',
    cause: 'A secret names an environment variable or a file that does not exist or is empty.',
    remedy: 'Set the variable, or create the file with mode 0600 and the secret as its only line.',
  },
  usage: {
    kind: 'usage',
    cause: 'The command line names an unknown command or option, or lacks something it needs.',
    remedy: 'Run mailbridge --help for the commands and their options.',
  },

  // listeners
  'port-in-use': {
    kind: 'usage',
    cause: 'Another program already listens on a port that a listener needs.',
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
    cause: 'A certificate, a private key or a CA file cannot be read or is not valid.',
    remedy: 'Check that the file exists, is PEM and readable by this user, and that key and certificate match.',
  },
  'data-folder-unusable': {
    kind: 'usage',
    cause: 'The data folder cannot be created, read or written.',
    remedy: 'Check that the folder exists, belongs to the user that runs the bridge, and has free space.',
  },
  'data-folder-unsafe': {
    kind: 'usage',
    cause:
      "Something in dataDir is not the bridge's own: a symbolic link, a file of another user, or a folder that belongs to another user or is writable by every user. The bridge does not follow it, because it would read or overwrite, with its own rights, files that somebody else chose.",
    remedy:
      'Run the command as the user that runs the bridge. If you are that user, find out who put it there: remove a link or a file you do not know, change the owner of what is yours (chown), or set another dataDir.',
  },
  'already-running': {
    kind: 'usage',
    cause:
      'Another bridge uses the same dataDir, or, for queue migrate, an instance runs on the queue in PostgreSQL. Two bridges would send every queued message twice.',
    remedy: 'Stop the other bridge, or give this one its own dataDir.',
  },
  'queue-moving': {
    kind: 'temporary',
    cause:
      'mailbridge queue migrate is moving the queue to another store, or was until 10 seconds ago. A bridge that starts meanwhile would send messages twice.',
    remedy: 'Wait until it has finished, then start the bridge on the store that the queue was moved to.',
  },

  // admin server
  'admin-not-signed-in': {
    kind: 'usage',
    cause: 'A request to the admin API carries neither a valid session cookie nor the admin token.',
    remedy: 'Sign in. A session ends after 12 hours without a request, after 7 days, and when the bridge restarts.',
  },
  'admin-token-wrong': {
    kind: 'usage',
    cause: 'The token given is not the admin token of this bridge, or has been replaced.',
    remedy:
      'Run mailbridge admin token on the machine of the bridge, as the user that runs the bridge, and use the token it prints.',
  },
  'admin-sign-in-blocked': {
    kind: 'temporary',
    cause: 'Too many wrong admin tokens came from this address.',
    remedy:
      'Wait five minutes. If nobody at that address administers the bridge, somebody there is guessing the token.',
  },
  'admin-role-needed': {
    kind: 'usage',
    cause: 'The signed-in user has the role view, and the request needs the role operate.',
    remedy: 'Sign in with the admin token, or as a member of the group that has the role operate.',
  },
  'admin-request-forged': {
    kind: 'usage',
    cause:
      'A change was requested by a page of another origin, or without the X-CSRF-Token that GET /api/v1/session returns. The bridge changed nothing.',
    remedy:
      'Reload the page. Behind a proxy, set admin.publicUrl to the address that people type. A script sends the token as Authorization: Bearer instead of a cookie.',
  },
  'admin-host-unknown': {
    kind: 'usage',
    cause:
      'The admin server was addressed by a host name that is not its own. A web page can point such a name at this machine to read what is here.',
    remedy:
      'Use localhost, an address, hostname or admin.host of the configuration, or set admin.publicUrl to the address that people type.',
  },
  'admin-request-invalid': {
    kind: 'usage',
    cause: 'A request to the admin API lacks something, or contains something that the API does not know.',
    remedy: 'Correct what the message names; GET /api/v1/openapi.json describes every request.',
  },
  'admin-not-found': {
    kind: 'usage',
    cause: 'The admin API has no such path, or the bridge has nothing with that name or id.',
    remedy: 'Reload the list: it may be gone by now.',
  },
  'admin-busy': {
    kind: 'temporary',
    cause: 'The admin server has more requests at the same time than it handles at once.',
    remedy: 'Close pages of the bridge that are not in use, or wait until the running requests have finished.',
  },
  'admin-oidc-failed': {
    kind: 'usage',
    cause:
      'A sign-in to the admin pages with Entra ID (admin.oidc) failed: Entra ID cannot be reached or refused it, or its answer does not match the sign-in that this browser started.',
    remedy:
      'Start again at the sign-in page. If it fails again, compare tenantId, clientId, clientSecret and the redirect URI with the app registration; the log has the cause.',
  },
  'admin-oidc-no-role': {
    kind: 'usage',
    cause: 'A person who is in none of the groups of admin.oidc signed in with Entra ID.',
    remedy: 'Add the person to the group of operateGroup or viewGroup in Entra ID, then sign in again.',
  },
  'connect-not-open': {
    kind: 'permanent',
    cause: 'Somebody signed in at /connect with an address that may not connect its mailbox there.',
    remedy:
      'Sign in with an address of the domains that the page names. Administrators: admin.connect.domains, and an account with a username such as *@contoso.com over the connection that opens no other mailbox; no other account has the address as its username.',
  },
  'connect-busy': {
    kind: 'temporary',
    cause: 'Too many sign-ins at /connect are in progress, or were started from one network within an hour.',
    remedy: 'Try again in a few minutes.',
  },
  'connect-failed': {
    kind: 'permanent',
    cause: 'A mailbox could not be connected at /connect, for an unexpected reason.',
    remedy: 'Try again; if it keeps failing, the log of the bridge says more.',
  },
  'connect-invitation-unknown': {
    kind: 'usage',
    cause: 'There is no such invitation to /connect: it was revoked, or ended more than thirty days ago.',
    remedy: 'Run mailbridge account invitations to list the existing ones.',
  },
  'connect-invitations-full': {
    kind: 'usage',
    cause: 'There is no room for another invitation to /connect: the bridge keeps 5,000, used ones included.',
    remedy: 'Revoke those that are no longer needed, or wait: each is removed thirty days after its end.',
  },
  'admin-token-unusable': {
    kind: 'usage',
    cause: 'The file of the admin token in dataDir cannot be read or created.',
    remedy: 'Give dataDir to the user that runs the bridge, or set admin.token in the configuration.',
  },

  // connections
  'connection-gone': {
    kind: 'needs-admin',
    cause: 'A queued message belongs to a connection that is no longer in the configuration.',
    remedy: 'Put the connection back, or delete the message from the queue.',
  },

  // workers
  'worker-ended': {
    kind: 'temporary',
    cause:
      'A worker process that serves IMAP and POP3 clients ended: it failed, or the system killed it, as Linux does when memory runs short.',
    remedy:
      'No action is needed: the bridge starts it again, and clients whose connections were cut reconnect. If it happens often, check the memory of the machine, and report what the log says before it.',
  },

  // queue
  'queue-unreadable': {
    kind: 'usage',
    cause: 'The queue database cannot be opened: no right to write to dataDir, or a full disk.',
    remedy: 'Check the rights and the free space of dataDir.',
  },
  'queue-damaged': {
    kind: 'usage',
    cause:
      'The queue database is damaged: a failing disk, a restore of only some files, or another program that wrote to it. The bridge does not start with it, because more would be lost.',
    remedy:
      'Run mailbridge queue repair: it copies what can be read into a new database and keeps the damaged one beside it.',
  },
  'queue-full': {
    kind: 'temporary',
    cause:
      'There is no room for another message: the disk of dataDir is full, less than queue.minFreeMegabytes is left on it, or the queue has reached queue.maxMegabytes or queue.maxMessages. Clients get 452 and try again; delivery continues.',
    remedy:
      'Free space on the disk of dataDir. mailbridge queue list --summary shows what the queue holds; delete what is not needed. It recovers by itself.',
  },
  'queue-unreachable': {
    kind: 'temporary',
    cause:
      'The store of the queue does not answer: its thread or its server has ended, or the network to it has failed. Clients get 451 and try again; accepted mail is kept and delivered when the store is back.',
    remedy: 'Look in the log for the reason. It recovers by itself once the store can be reached.',
  },
  'queue-store-refused': {
    kind: 'usage',
    cause:
      'PostgreSQL answers, but the queue cannot be used in it: a wrong user, password or database, a missing right, a certificate that cannot be verified, or something in queue.postgres.url that the bridge does not understand.',
    remedy:
      'Correct queue.postgres, or what the message names in PostgreSQL; mailbridge help instances PostgreSQL lists the rights needed.',
  },
  'instance-name-taken': {
    kind: 'usage',
    cause:
      'Another bridge with the same name delivers from the same queue. The name tells the other instances which mailboxes an instance delivers.',
    remedy: 'Give each bridge its own name (instance), or stop the other one.',
  },
  'lease-lost': {
    kind: 'temporary',
    cause:
      'This instance lost the right to deliver a mailbox: it was frozen, or could not reach the store for longer than its lease lasts. Another instance may deliver the mailbox by now.',
    remedy:
      'No action is needed: a message that the bridge can look for is not sent twice. If it happens often, check the load of the machine and the network to the store.',
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
  'message-not-found': {
    kind: 'permanent',
    cause: 'The queue has no message with this id: it was delivered some time ago, or deleted, or the id is mistyped.',
    remedy: 'Run mailbridge queue list --all to see the messages it has.',
  },
  'queue-body-damaged': {
    kind: 'needs-admin',
    cause:
      'The body of a queued message differs from what was accepted: its checksum is wrong, or it cannot be read from the disk.',
    remedy:
      'Check the disk of dataDir. mailbridge queue export ID writes what is left of the message; ask its sender to send it again, and delete it.',
  },

  // couriers
  'upstream-unreachable': {
    kind: 'temporary',
    cause: 'Microsoft 365 could not be reached, or the connection broke before the message was handed over.',
    remedy:
      'No action is needed if it passes: the bridge tries the message again. Otherwise check DNS, the firewall and the proxy.',
  },
  'upstream-certificate-untrusted': {
    kind: 'needs-admin',
    cause:
      'The server that answered for Microsoft 365 presented a certificate that is untrusted, expired or for another name.',
    remedy:
      'If a proxy inspects TLS, set caFile of the cloud to its CA; otherwise check the host name and the clock of this machine.',
  },
  'upstream-ambiguous': {
    kind: 'temporary',
    cause:
      'The connection broke after the whole message was sent and before Microsoft 365 answered. It may have been delivered.',
    remedy:
      'No action is needed: before the next attempt the bridge looks for the message in Sent Items, if it may (permission Mail.Read). Otherwise a recipient may get it twice, unless onAmbiguity of the account is hold.',
  },
  'delivery-ambiguous': {
    kind: 'needs-admin',
    cause:
      'The message may have been delivered, the bridge cannot check Sent Items, and onAmbiguity of the account is hold.',
    remedy:
      'Check whether the recipients have it. If they do, run "mailbridge queue delete", otherwise "mailbridge queue release". With the permission Mail.Read the bridge checks by itself.',
  },
  'sent-items-not-removable': {
    kind: 'needs-admin',
    cause: 'An account has sentItems: remove, and the bridge may not remove messages from its mailbox.',
    remedy:
      'Grant Mail.ReadWrite (Microsoft Graph; "mailbridge exchange-script" prints the role for these mailboxes), or IMAP. Or set sentItems of the account to keep.',
  },
  'delivery-aborted': {
    kind: 'temporary',
    cause: 'The bridge ended a delivery attempt, because it is stopping or because the attempt took too long.',
    remedy: 'No action is needed: the bridge tries the message again.',
  },
  'message-unreadable': {
    kind: 'temporary',
    cause: 'A queued message could not be read completely from the disk.',
    remedy: 'Check the disk and the rights of dataDir.',
  },
  'xoauth2-not-offered': {
    kind: 'needs-admin',
    cause: 'The SMTP or IMAP server does not offer login with XOAUTH2.',
    remedy:
      'Check host and port of the endpoint: smtp.office365.com, port 587 (port 25 of an Exchange host is not for client submission), or outlook.office365.com, port 993.',
  },
  'address-not-sendable': {
    kind: 'permanent',
    cause:
      'The SMTP server does not accept this form of address: it contains angle brackets or line ends, or non-ASCII characters that the server does not accept.',
    remedy: 'Correct the address.',
  },
  'message-too-large-for-smtp': {
    kind: 'permanent',
    cause: 'The message is larger than the SMTP server accepts.',
    remedy: 'Make it smaller, or send it in parts.',
  },
  'message-not-sendable-by-graph': {
    kind: 'permanent',
    cause:
      'The message is larger than one request to Microsoft Graph may be, it cannot be uploaded in parts without being changed, and the connection may not send over SMTP.',
    remedy:
      'Let the connection send over SMTP, which takes up to 150 MB and changes nothing: it needs the permission SMTP.SendAsApp, and SMTP AUTH for the mailbox; "mailbridge exchange-script" prints the commands. Or, for large messages without a signature or encryption, give it Mail.ReadWrite, with which they can be uploaded in parts: for an app the Exchange role "Application Mail.ReadWrite", which "mailbridge exchange-script" prints too; for a person the scope.',
  },
  'header-too-large-for-graph': {
    kind: 'permanent',
    cause: 'The header section of the message is larger than 1 MB and cannot be prepared for Microsoft Graph.',
    remedy: 'Set send of the account to smtp, or make the program send fewer and shorter header fields.',
  },
  'envelope-narrower-than-headers': {
    kind: 'permanent',
    cause:
      'To or Cc names addresses that are not in the envelope, and envelope of the account is refuse. Microsoft Graph sends to everybody the header names, so they would get an unwanted copy.',
    remedy: 'Set envelope of the account to auto, or send to smtp, which keeps to the envelope.',
  },
  'graph-unexpected-status': {
    kind: 'permanent',
    cause:
      'Microsoft Graph answered sendMail with a success other than 202 Accepted; it has been seen not to send such messages.',
    remedy: 'Look in Sent Items of the mailbox. Large messages get this answer: set send of the account to smtp.',
  },

  // outgoing HTTPS (beside upstream-unreachable and upstream-certificate-untrusted above)
  'upstream-name-unknown': {
    kind: 'temporary',
    cause: 'A host name could not be resolved: a typing error, no DNS server, or no network.',
    remedy:
      'Check the name, the DNS settings and the network of this machine. If only a proxy reaches the internet, set proxy or HTTPS_PROXY.',
  },
  'upstream-timeout': {
    kind: 'temporary',
    cause: 'A host did not accept a connection, or did not answer, within the time allowed.',
    remedy:
      'No action is needed if it passes. Otherwise check the network and that no firewall drops packets to that host.',
  },
  'upstream-connection-lost': {
    kind: 'temporary',
    cause: 'A connection was cut in the middle of a request or of its answer.',
    remedy: 'No action is needed if it passes. Otherwise look for a firewall or a proxy that cuts connections.',
  },
  'upstream-tls-failed': {
    kind: 'needs-admin',
    cause:
      'The TLS handshake failed: the other side does not speak TLS on that port, or no version that the bridge accepts (1.2 or later).',
    remedy: 'Check host and port, and look for a proxy or firewall in between that changes TLS.',
  },
  'upstream-answer-invalid': {
    kind: 'temporary',
    cause:
      'A host answered with something that is not HTTP, IMAP or POP3 (whichever was expected), or with far more than a valid answer contains.',
    remedy: 'Check host and port, and look for a proxy or login portal in between that answers in its place.',
  },
  'proxy-invalid': {
    kind: 'usage',
    cause: 'The proxy, as configured or from HTTPS_PROXY or HTTP_PROXY, is not an http:// or https:// address.',
    remedy: 'Write it as http://host:port or http://user:password@host:port.',
  },
  'proxy-refused': {
    kind: 'needs-admin',
    cause: 'The HTTP proxy refused to connect to a host.',
    remedy:
      'For 407, give the proxy a user and password (http://user:password@host:port); otherwise ask its administrator to allow the host and port named.',
  },

  // tokens
  'token-refused': {
    kind: 'needs-admin',
    cause: 'Microsoft Entra ID refuses to issue a token. The message names its code (AADSTS…) and what it means.',
    remedy:
      'Do what the message says in the Entra admin center; mailbridge help errors lists the codes. Mail waits meanwhile.',
  },
  'token-temporarily-unavailable': {
    kind: 'temporary',
    cause: 'Microsoft Entra ID is overloaded, asks to wait, or has a problem.',
    remedy: 'No action is needed: the bridge tries again. If it lasts, look at https://status.cloud.microsoft.',
  },
  'token-answer-invalid': {
    kind: 'needs-admin',
    cause:
      'Something other than Microsoft Entra ID answered, with neither a token nor an Entra ID error: a proxy, a login portal, or a wrong authority.',
    remedy: 'Check cloud (authority) of the connection, and look for a proxy or login portal in between.',
  },
  'sign-in-needed': {
    kind: 'needs-admin',
    cause: 'The connection is delegated, and nobody has signed in for it yet, or the sign-in kept cannot be renewed.',
    remedy: 'Sign in with "mailbridge login NAME", NAME being the connection. Mail waits meanwhile.',
  },
  'sign-in-ended': {
    kind: 'needs-admin',
    cause:
      'Microsoft Entra ID has ended the sign-in of a connection: a changed password, revoked sessions, 90 days without use, or a policy. The bridge does not ask again until somebody signs in.',
    remedy: 'Sign in again with "mailbridge login NAME", NAME being the connection. Mail waits meanwhile.',
  },
  'sign-in-declined': {
    kind: 'permanent',
    cause: 'The person cancelled the sign-in, or declined what the app asks for.',
    remedy: 'Start the sign-in again and accept.',
  },
  'sign-in-cancelled': {
    kind: 'permanent',
    cause: 'The sign-in was cancelled here before it was finished.',
    remedy: 'Start the sign-in again when somebody is there to finish it.',
  },
  'sign-in-other-person': {
    kind: 'permanent',
    cause:
      'The person who signed in is not the one whose sign-in the connection has. The existing sign-in works, and is kept.',
    remedy: 'Sign in as the person that the message names, or confirm the other one with --replace.',
  },
  'sign-in-kept': {
    kind: 'permanent',
    cause:
      'With the new sign-in a hop of the connection fails; with the existing one none does. The existing one is kept.',
    remedy: 'Sign in as the person that the message names, or do what the failed hop says and sign in again.',
  },
  'set-up-answer-invalid': {
    kind: 'usage',
    cause: 'An answer of the guided set-up is missing or is not what the question asks for.',
    remedy: 'Correct the answer that the message names.',
  },
  'set-up-step-missing': {
    kind: 'usage',
    cause: 'A step of the guided set-up was requested before the one that it depends on was done.',
    remedy: 'Load the page again: it shows the step that comes next.',
  },
  'set-up-step-done': {
    kind: 'usage',
    cause: 'The outcome of the requested step of the guided set-up is already in force.',
    remedy: 'Load the page again. To set up another mailbox, start another set-up.',
  },
  'set-up-check-failed': {
    kind: 'permanent',
    cause: 'The check at the end of the guided set-up found failed hops that waiting does not fix.',
    remedy: 'Do what the failed hops say, then check again.',
  },
  'sign-in-redirect-invalid': {
    kind: 'permanent',
    cause:
      'The address that the browser was sent back to belongs to a different sign-in than the one in progress, or is incomplete.',
    remedy: 'Start the sign-in again, use only the newest link, and paste the whole address if asked for one.',
  },
  'device-code-expired': {
    kind: 'permanent',
    cause: 'Nobody entered the device code and signed in before it expired.',
    remedy: 'Start the sign-in again; a code lasts 15 minutes.',
  },
  'redirect-uri-invalid': {
    kind: 'usage',
    cause:
      'The redirect URI is neither an https:// address nor an http:// address of this machine (localhost, 127.0.0.1), or it contains a fragment.',
    remedy: 'Correct redirectUri of the connection; Microsoft Entra ID accepts plain http only for localhost.',
  },
  'authority-invalid': {
    kind: 'usage',
    cause:
      'The authority that issues tokens is not an https:// address without a path, such as https://login.microsoftonline.com.',
    remedy:
      'Correct cloud (authority) of the connection. Plain http is refused because the client secret would travel in the clear.',
  },
  'tenant-invalid': {
    kind: 'usage',
    cause:
      'The tenant is not a tenant id (GUID) or a verified domain; common, organizations and consumers do not name a tenant, and a token for the app itself needs one.',
    remedy: 'Set tenantId to the Directory (tenant) ID shown on the overview page of the app registration.',
  },
  'client-certificate-invalid': {
    kind: 'usage',
    cause:
      'The client certificate or its private key cannot be used: not PEM, encrypted, not RSA of at least 2048 bits, or not a matching pair.',
    remedy:
      'Set clientCertificate to a PEM certificate and its unencrypted RSA private key, and upload the same certificate to the app registration.',
  },
  'client-assertion-invalid': {
    kind: 'needs-admin',
    cause:
      'The file of the federated client assertion is missing, empty or unreadable, or contains something other than a JWT. Whatever issues the assertions (Kubernetes, a CI service) writes that file and renews it.',
    remedy:
      'Check that clientAssertionFile is the path where the token is mounted (in Kubernetes AZURE_FEDERATED_TOKEN_FILE names it), and that the user that runs the bridge can read it.',
  },
  'managed-identity-unavailable': {
    kind: 'needs-admin',
    cause:
      'The service that gives an Azure machine the tokens of its managed identity does not answer: the bridge does not run on Azure, the machine has no managed identity, or a firewall or a proxy is in the way.',
    remedy:
      'Turn on the identity of the machine or app (Azure portal > the resource > Identity). Outside Azure, use the grant client-credentials.',
  },
  'managed-identity-not-assigned': {
    kind: 'needs-admin',
    cause: 'The machine has no managed identity, or not the one that clientId names.',
    remedy:
      "Assign the identity to the machine or app (Azure portal > the resource > Identity), or correct clientId: the Client ID of the user-assigned identity, left out for the machine's own.",
  },

  // sign-ins kept in files
  'sign-in-file-unusable': {
    kind: 'needs-admin',
    cause:
      'The file that keeps a sign-in, or its folder, cannot be read or written: no right to it, a full disk, or not a regular file.',
    remedy: 'Check that tokenFile and its folder belong to the user who runs the bridge, and that the disk has space.',
  },
  'sign-in-file-foreign': {
    kind: 'needs-admin',
    cause: 'The file where a sign-in should be contains something else. The bridge does not change it.',
    remedy:
      'Give the connection its own tokenFile, or sign in again with "mailbridge login", which moves the file aside.',
  },
  'sign-in-file-newer': {
    kind: 'needs-admin',
    cause: 'The file of a sign-in was written by a later version of mailbridge.',
    remedy: 'Install that version again, or sign in again with "mailbridge login", which moves the file aside.',
  },
  'sign-in-file-damaged': {
    kind: 'needs-admin',
    cause: 'The file of a sign-in was truncated or changed. The bridge does not change it.',
    remedy: 'Restore the file from a backup, or sign in again with "mailbridge login", which moves the file aside.',
  },
  'sign-in-file-key-wrong': {
    kind: 'needs-admin',
    cause:
      'The file of a sign-in was encrypted with another key: tokenKey was changed, or token.key in dataDir was lost or replaced. If instances share the store of the sign-in, this one has a different tokenKey than the one that wrote it.',
    remedy:
      'Use the key that it was encrypted with (tokenKey, or token.key in dataDir). If that is lost, remove the file and sign in again with "mailbridge login".',
  },
  'sign-in-file-other-app': {
    kind: 'needs-admin',
    cause:
      'The file of a sign-in belongs to a different app registration, tenant or cloud than the connection names now.',
    remedy:
      'Sign in again with "mailbridge login", which moves the file aside, or set clientId, tenantId and cloud back to what they were.',
  },
  'sign-in-file-locked': {
    kind: 'temporary',
    cause: 'Another mailbridge process has been working on the same sign-in for longer than a renewal takes.',
    remedy: 'No action is needed if it passes. Otherwise end the other process, which releases its lock.',
  },
  'token-key-invalid': {
    kind: 'usage',
    cause: 'The key that encrypts sign-ins cannot be used: too short, not text, or not what mailbridge wrote there.',
    remedy:
      'Give 32 random bytes in base64 or hex (openssl rand -base64 32), or a passphrase of at least 20 characters. Restore a damaged token.key from a backup; without one, delete it and sign in again.',
  },
  'token-key-unusable': {
    kind: 'usage',
    cause: 'The file of the key that encrypts sign-ins cannot be read or created.',
    remedy: 'Check that the file and its folder belong to the user who runs the bridge, and that the disk has space.',
  },
  'token-key-needed': {
    kind: 'usage',
    cause:
      'Several instances share the sign-ins, and the configuration names no key for them. A key made on one machine could not decrypt what another wrote.',
    remedy:
      'Make a key once (openssl rand -base64 32), and give it to every instance as tokenKey or as the systemd credential mailbridge-token-key. To keep the sign-ins of a data folder, use the line in its token.key.',
  },
  'shared-store-unavailable': {
    kind: 'temporary',
    cause:
      'The store that the instances share is unavailable, and with it the sign-ins, the app passwords and the indexes of mailboxes that are read through Microsoft Graph. Tokens and app passwords that an instance already knows keep working for a while; mail that needs a new token waits; clients of such mailboxes are told to try again.',
    remedy: 'Check that the database runs and that this machine can reach it. The bridge recovers by itself.',
  },

  // reading by IMAP and POP3 (beside the upstream-… codes above)
  'mailbox-login-refused': {
    kind: 'needs-admin',
    cause:
      'Exchange Online rejects the token for this mailbox: AUTHENTICATE failed. The app lacks the permission, is not registered in Exchange, or the protocol is switched off for the mailbox.',
    remedy:
      'Check the application permission (IMAP.AccessAsApp, POP.AccessAsApp) and its admin consent; New-ServicePrincipal with the object id of the enterprise application; Add-MailboxPermission for the mailbox; ImapEnabled and PopEnabled of Get-CASMailbox.',
  },
  'mailbox-connections-exceeded': {
    kind: 'temporary',
    cause: 'Exchange Online refuses further connections to this mailbox, or got too many requests in a short time.',
    remedy: 'Let fewer programs read the mailbox at a time, and less often.',
  },
  'mailbox-login-unavailable': {
    kind: 'temporary',
    cause: 'Exchange Online ended the connection or refused service before the login was done, for a temporary reason.',
    remedy: 'No action is needed: the next login may succeed. If it lasts, look at https://status.cloud.microsoft.',
  },
  'login-refused': {
    kind: 'needs-admin',
    cause: 'A mail program logged in with a username that no account has, or with a wrong password.',
    remedy:
      'Correct username and password in the mail program: they are those of the account in the configuration, not those of Microsoft 365. mailbridge hash-password makes a new password.',
  },
  'login-password-hashed': {
    kind: 'needs-admin',
    cause:
      'A program logged in with CRAM-MD5 to an account whose password is kept as a hash. CRAM-MD5 can only be checked with the password itself.',
    remedy:
      'Give the account the password itself, with {"env"} or {"file"}, or let the program use PLAIN or LOGIN over TLS; if it prefers CRAM-MD5, give it a listener without cramMd5.',
  },
  'login-blocked': {
    kind: 'temporary',
    cause:
      'Too many different wrong logins came from one address, or to one account; it is blocked for a while. An account that has recently logged in from an address is not blocked there.',
    remedy:
      'Correct the password in the program at that address. limits.loginFailures, limits.loginFailuresPerAddress, limits.loginFailuresPerAccount and limits.loginBlockSeconds set when and how long.',
  },
  'login-busy': {
    kind: 'temporary',
    cause: 'More logins came at once than the bridge can verify passwords for.',
    remedy:
      'No action is needed: programs try again. If it lasts, look for one that keeps logging in with a wrong password.',
  },
  'login-other-mailbox': {
    kind: 'needs-admin',
    cause:
      'A program logged in to an account with the right password, and asked for a mailbox that the account does not have: after the username (scanner/reports@contoso.com) or as the authorization identity.',
    remedy:
      'Correct the username in the program, or leave its authorization identity empty. To allow it, add the mailbox to "mailboxes" of the account.',
  },
  'login-unavailable': {
    kind: 'temporary',
    cause:
      'The password of an account is checked elsewhere (passwordFrom), and that source is unavailable. Until it is back, the bridge reports no password as wrong; correct passwords of other accounts work.',
    remedy: 'Look in the log for password-file-unusable, ldap-unavailable or ldap-refused, which says why.',
  },
  'password-file-unusable': {
    kind: 'needs-admin',
    cause:
      'A password file (passwordFrom) does not exist, cannot be read, is too large, or is writable by every user. What was last read from it stays in force; until it has been read once, its logins are refused temporarily.',
    remedy: 'Put it in place with mode 0640 and the group of the user that runs the bridge. No restart is needed.',
  },
  'password-line-invalid': {
    kind: 'needs-admin',
    cause:
      'Lines of a password file are not a name, a colon and a hash from mailbridge hash-password, or repeat a name. Nobody can log in with them; the other lines are valid.',
    remedy: 'Replace the lines named: mailbridge hash-password --user NAME prints a complete one.',
  },
  'ldap-unavailable': {
    kind: 'temporary',
    cause:
      'The LDAP server that checks passwords cannot be reached, or does not answer in time. Programs are told to try again; passwords that were right a moment ago keep working for rememberMinutes, and accounts that do not need the server are not affected.',
    remedy:
      'Check that it runs and that this machine can reach its port. No restart is needed: each login tries again. If it is only slow, raise timeoutSeconds.',
  },
  'ldap-refused': {
    kind: 'needs-admin',
    cause:
      'The LDAP server answers, but does not do what the configuration asks for: its certificate is not trusted, it refuses searchBind, StartTLS, baseDn or filter, it demands TLS, or the search does not find whom `check --mailbox` names.',
    remedy: 'Correct passwordFrom.ldap; mailbridge check tries it, and names what is refused.',
  },
  'app-passwords-unusable': {
    kind: 'needs-admin',
    cause:
      'The file of the app passwords in dataDir is damaged, cannot be read or written, belongs to somebody else, or is locked by another command.',
    remedy:
      'Check that it belongs to the user that runs the bridge and has mode 0600. If it is damaged, restore it from a backup, or remove it and make the app passwords again.',
  },
  'app-password-exists': {
    kind: 'usage',
    cause: 'That login already has an app password with that name.',
    remedy: 'Choose another name, or replace the password with mailbridge account rotate.',
  },
  'app-password-unknown': {
    kind: 'usage',
    cause: 'That login has no app password with that name.',
    remedy: 'Run mailbridge account list to see the existing ones.',
  },
  'login-unknown': {
    kind: 'usage',
    cause: 'No account of the configuration has that login name.',
    remedy: 'Add an account that covers the name, or correct the spelling.',
  },
  'account-not-reading': {
    kind: 'needs-admin',
    cause:
      'A program logged in over IMAP or POP3 to an account that is not set up for reading, or not over this protocol.',
    remedy: 'Set read of the account: imap serves IMAP and POP3 programs, pop3 serves only POP3 programs.',
  },
  'account-connections-exceeded': {
    kind: 'temporary',
    cause: 'An account has reached limits.maxConnectionsPerAccount of open IMAP or POP3 connections to one mailbox.',
    remedy:
      'Let fewer programs use the account at a time, or raise limits.maxConnectionsPerAccount; Exchange Online itself allows about 20 for each mailbox.',
  },
  'client-connections-exceeded': {
    kind: 'temporary',
    cause: 'A listener has reached its limit of open connections, in total or from one address.',
    remedy:
      'Look for a program that leaves connections open, or raise limits.maxConnections or limits.maxConnectionsPerAddress.',
  },
  'proxy-header-invalid': {
    kind: 'needs-admin',
    cause:
      'A connection from a network in proxyProtocol.from of the listener did not begin with a PROXY protocol header, version 1 or 2.',
    remedy:
      'Let the balancer send the header (HAProxy: send-proxy-v2; nginx: proxy_protocol on), also for its health checks (HAProxy: check-send-proxy). If the client is not a balancer, make proxyProtocol.from narrower.',
  },
  'mailbox-not-connected': {
    kind: 'needs-admin',
    cause:
      'Exchange Online accepted the token but did not open the mailbox: User is authenticated but not connected. The app has no right to this mailbox, IMAP is switched off for it, it has no licence, or it has too many connections open.',
    remedy:
      'Check that New-ServicePrincipal was run with the object id of the enterprise application (not of the app registration), that Add-MailboxPermission gave it FullAccess to the mailbox, and ImapEnabled of Get-CASMailbox. If other logins to the mailbox work, let fewer programs read it at a time.',
  },
  'mailbox-session-expired': {
    kind: 'temporary',
    cause:
      'Exchange Online ended an open session because the token it was opened with has expired, which happens after about an hour.',
    remedy: 'No action is needed: the mail program logs in again and gets a new token.',
  },
  'mailbox-session-ended': {
    kind: 'temporary',
    cause: 'Exchange Online ended an open session, or the connection broke, before the mail program logged out.',
    remedy:
      'No action is needed if it is rare: the mail program logs in again. Otherwise look for a firewall that cuts idle connections, and let fewer programs read the mailbox at a time.',
  },
  'maildrop-in-use': {
    kind: 'temporary',
    cause: 'Another POP3 session has the mailbox open. POP3 allows one at a time (RFC 1939 section 4).',
    remedy: 'Let the programs that fetch from this mailbox do so at different times.',
  },
  'mailbox-store-failed': {
    kind: 'temporary',
    cause:
      'Exchange Online or Microsoft Graph refused or aborted a command that the bridge issued in an open mailbox for an IMAP or POP3 session.',
    remedy: 'No action is needed if it passes. The log says what Microsoft 365 answered.',
  },
  'mailbox-index-unusable': {
    kind: 'needs-admin',
    cause:
      'The index of a mailbox that is read through Microsoft Graph, or its cache of messages (both under mailboxes in the data folder), cannot be read or written, or was written by a newer version.',
    remedy:
      'Check that the disk has room and that the folder belongs to the user of the bridge. If the file is damaged, stop the bridge and delete the folder of that mailbox: the bridge builds it again, and mail programs load the mailbox again.',
  },

  // mailbridge check
  'app-not-registered': {
    kind: 'needs-admin',
    cause: 'The connection has no app registration yet: its clientId is all zeros, as mailbridge init writes it.',
    remedy:
      'Run "mailbridge register-app", or put the Application (client) ID of an existing registration into clientId.',
  },
  'tenant-unknown': {
    kind: 'needs-admin',
    cause: 'Microsoft Entra ID does not know the tenant of the connection.',
    remedy: 'Set tenantId to the Directory (tenant) ID, and cloud to the one that the tenant is in.',
  },
  'clock-wrong': {
    kind: 'needs-admin',
    cause:
      'The clock of this machine differs from the clock of Microsoft by more than five minutes. Microsoft then refuses signatures of a client certificate, and tokens are renewed too late or too early.',
    remedy: 'Set the clock, and keep it right with NTP (on Linux: timedatectl set-ntp true).',
  },
  'credential-expired': {
    kind: 'needs-admin',
    cause: 'The client certificate or the client secret of the connection has expired.',
    remedy:
      'Make a new one, give it to the app registration (Certificates & secrets), and put it into the configuration.',
  },
  'permission-missing': {
    kind: 'needs-admin',
    cause: 'The access token lacks a permission that the accounts of the connection need.',
    remedy:
      'Run "mailbridge register-app", which adds the permission and grants consent. Or by hand: Add the permission to the app registration and grant admin consent ("mailbridge consent").',
  },
  'token-unfit': {
    kind: 'needs-admin',
    cause: 'The access token is for another API, app or tenant than the configuration says.',
    remedy: 'Compare scopes, clientId, tenantId and cloud of the connection with the app registration.',
  },
  'smtp-auth-disabled': {
    kind: 'needs-admin',
    cause: 'SMTP AUTH is switched off for the mailbox or for the whole tenant; this applies to OAuth too.',
    remedy: 'Run Set-CASMailbox MAILBOX -SmtpClientAuthenticationDisabled $false, or set send of the account to graph.',
  },
  'submission-refused': {
    kind: 'needs-admin',
    cause: 'Exchange Online refuses the SMTP login: the app or the person may not send as the mailbox.',
    remedy:
      'Check New-ServicePrincipal with the object id of the enterprise application, and the role Application SMTP.SendAsApp or the mailbox permission; "mailbridge exchange-script" prints them.',
  },
  'graph-mailbox-refused': {
    kind: 'needs-admin',
    cause: 'Microsoft Graph does not let the app or the person use the mailbox.',
    remedy:
      'Grant the permission with admin consent, or add the mailbox to the scope of the role in Exchange; "mailbridge exchange-script" prints it.',
  },
  'graph-mailbox-unknown': {
    kind: 'needs-admin',
    cause: 'Microsoft Graph does not know the mailbox, or it is not in Exchange Online.',
    remedy:
      'Check mailbox of the account: it must be the user principal name of a mailbox in this tenant, with a licence.',
  },
  'sender-no-alias': {
    kind: 'needs-admin',
    cause: 'An address that is listed as an alias is not one of the addresses of the mailbox.',
    remedy:
      'Add it to the mailbox (Set-Mailbox MAILBOX -EmailAddresses @{Add="ADDRESS"}), or state in senders of the account which other right lets the mailbox use it.',
  },
  'graph-unavailable': {
    kind: 'temporary',
    cause: 'Microsoft Graph throttles the app or the mailbox, or has a problem.',
    remedy: 'Wait and try again. If it lasts, look at https://status.cloud.microsoft.',
  },
  'test-message-refused': {
    kind: 'needs-admin',
    cause: 'Microsoft 365 did not accept the test message of "mailbridge check --send-test".',
    remedy: 'Do what the message says; mail of the account would fail the same way.',
  },

  'bridge-not-running': {
    kind: 'needs-admin',
    cause: 'The bridge is not running on this machine, and mailbridge check was run with --bridge.',
    remedy: 'Start it: mailbridge start, or systemctl start mailbridge.',
  },
  'listener-unanswered': {
    kind: 'needs-admin',
    cause: 'The bridge is running, but a port of its configuration does not answer as it should.',
    remedy:
      'Listeners are opened at the start: if the configuration has changed since, restart the bridge. Otherwise check its log and the firewall of this machine.',
  },
  'listener-certificate-expired': {
    kind: 'needs-admin',
    cause: 'The certificate that the bridge presents to clients has expired.',
    remedy: 'Put a new certificate and key where tls (cert, key) of the configuration says, then send SIGHUP.',
  },

  // mailbridge init
  'config-exists': {
    kind: 'usage',
    cause: 'A configuration file already exists, and mailbridge init does not overwrite it.',
    remedy: 'Name another file with --config FILE, or replace it with --force.',
  },

  // setting up: app registration, consent
  'directory-refused': {
    kind: 'needs-admin',
    cause:
      'Microsoft Graph refused to read or change the directory while an app was being registered. The message gives the code and text.',
    remedy:
      'Do what the message says, then run the command again: it continues where it stopped. mailbridge register-app --dry-run shows every request.',
  },
  'permission-unknown': {
    kind: 'needs-admin',
    cause:
      'The tenant does not offer a permission that the connection needs: it has no Exchange Online, or the cloud or tenant is the wrong one.',
    remedy: 'Check the tenant and the cloud, and that the tenant has a licence with Exchange Online.',
  },
  'registration-missing': {
    kind: 'needs-admin',
    cause: 'The client id belongs to no app registration in the tenant: it was deleted, or is in another tenant.',
    remedy:
      'Sign in to the right tenant (--tenant), name another client id (--client-id), or remove clientId from the connection to make a new registration.',
  },
  'registration-ambiguous': {
    kind: 'usage',
    cause: 'Several app registrations in the tenant have the same name.',
    remedy: 'Name one with --client-id, or choose another name with --display-name.',
  },
  'registration-not-visible': {
    kind: 'temporary',
    cause:
      'Microsoft takes a while to make a new app, credential or permission known to all its servers, and this took longer than the command waits.',
    remedy: 'Run the command again in a few minutes: it continues where it stopped.',
  },
  'consent-answer-invalid': {
    kind: 'permanent',
    cause: "The address that the administrator's browser was sent back to belongs to another link, or is incomplete.",
    remedy: 'Use only the newest link, and paste the whole address.',
  },
  'consent-refused': {
    kind: 'needs-admin',
    cause: 'The administrator declined, or Microsoft Entra ID did not let them consent. The message says which.',
    remedy:
      'Send the link to somebody who may consent: a Cloud Application Administrator, or for application permissions of Microsoft Graph a Privileged Role Administrator or Global Administrator.',
  },
  'consent-timeout': {
    kind: 'temporary',
    cause: 'No administrator completed the consent in time.',
    remedy: 'Run the command again for a new link, or with --no-wait if the administrator works elsewhere.',
  },
  'file-exists': {
    kind: 'usage',
    cause: 'The file that exchange-script or simulate --write would write already exists with other content.',
    remedy: 'Move it away, replace it with --force, or print the script with --print.',
  },
  'file-unusable': {
    kind: 'usage',
    cause: 'The operating system refused an operation of a command on a file, a folder or its output.',
    remedy:
      'Look at the code: ENOENT means that it is missing, EACCES that you have no right to it, ENOSPC that the disk is full.',
  },
  'file-not-written': {
    kind: 'usage',
    cause:
      'A file cannot be written: config.json or the copy kept of it, a private key, a secret, an Exchange script, a backup or an exported message.',
    remedy: 'Check that the folder belongs to the user who runs the command, and that the disk has space.',
  },
  'password-unusable': {
    kind: 'permanent',
    cause: 'hash-password was given no password, one that is too long, or two that differ.',
    remedy: 'Run mailbridge hash-password again, and type the password or pipe it in as one line.',
  },
  'service-step-failed': {
    kind: 'permanent',
    cause:
      'A system program (useradd, chown, systemctl, update-alternatives) failed while the service was installed or removed.',
    remedy: 'Do what the message says, then run the command again: it does the remaining steps.',
  },

  // backup and restore
  'backup-exists': {
    kind: 'usage',
    cause: 'The file that a backup would be written to already exists.',
    remedy: 'Name another file, or replace it with --force.',
  },
  'backup-passphrase-unusable': {
    kind: 'usage',
    cause:
      'No passphrase was given for a backup, or one that cannot be used: shorter than 12 characters, longer than 1024 bytes, of several lines, typed differently the second time, or in a file that cannot be read.',
    remedy:
      'Type it at a terminal, or name a file that contains it and nothing else with --passphrase-file FILE, or set MAILBRIDGE_BACKUP_PASSPHRASE.',
  },
  'backup-file-unreadable': {
    kind: 'usage',
    cause:
      'A file that belongs in the backup cannot be read. No backup was written, because one without it would be unusable.',
    remedy: "Run the command as the bridge's user or as root, or correct the path in the configuration.",
  },
  'queue-too-busy': {
    kind: 'temporary',
    cause:
      'Messages were accepted and delivered so fast that the queue could not be copied with all its content. No backup was written.',
    remedy: 'Run the command again at a quieter time.',
  },
  'backup-unreadable': {
    kind: 'usage',
    cause: 'The file named does not exist, cannot be read, or is not a backup of mailbridge.',
    remedy: 'Name a file that mailbridge backup wrote, and run the command as a user that can read it.',
  },
  'backup-passphrase-wrong': {
    kind: 'usage',
    cause: 'The passphrase is not the one that the backup was made with.',
    remedy: 'Give the passphrase that the backup was made with. Without it nobody can read the backup.',
  },
  'backup-incomplete': {
    kind: 'permanent',
    cause: 'The end of the backup is missing, as after an interrupted copy, or was changed.',
    remedy: 'Copy the file again from where it is kept, or take another backup. Nothing was restored.',
  },
  'backup-damaged': {
    kind: 'permanent',
    cause: 'The backup was changed after it was made, by a disk or by somebody, or was not made by mailbridge backup.',
    remedy: 'Copy the file again from where it is kept, or take another backup. Nothing was restored.',
  },
  'backup-format-newer': {
    kind: 'usage',
    cause: 'The backup was made by a later version of mailbridge.',
    remedy: 'Install the version that made it, or a later one.',
  },
  'restore-target-exists': {
    kind: 'usage',
    cause: 'There is already a configuration, a key, a sign-in or a queue where the backup would be restored.',
    remedy: 'Name another place with --config FILE, or use --force, which moves what is there to NAME.before-restore.',
  },
  'restore-failed': {
    kind: 'usage',
    cause: 'A file of the backup could not be put in its place. What was there before was put back.',
    remedy: 'Check that this user may write there and that the disk has space, then run the command again.',
  },
  cancelled: {
    kind: 'permanent',
    cause: 'A command was interrupted, with Ctrl-C or otherwise.',
    remedy: 'Run it again: it finds what is already done.',
  },
} as const satisfies Record<string, ErrorEntry>;

/** A stable, documented error code. Codes are never renamed; see docs/errors.md. */
export type ErrorCode = keyof typeof entries;

/** Every error code with its cause and its remedy: the source of docs/errors.md. */
export const errorCatalogue: Readonly<Record<ErrorCode, ErrorEntry>> = entries;
