-- Written by the version whose queue had format 1: its schema and five messages, one in each state and one with its body in a file.
CREATE TABLE messages (
  id TEXT PRIMARY KEY,
  lane TEXT NOT NULL,
  account TEXT NOT NULL,
  connection TEXT NOT NULL,
  mailbox TEXT NOT NULL,
  courier TEXT NOT NULL,
  -- reverse-path and transport parameters, JSON; the recipients stand in their own column because they change
  envelope TEXT NOT NULL,
  recipients TEXT NOT NULL,
  is_bounce INTEGER NOT NULL,
  size INTEGER NOT NULL,
  -- name of a file in the folder of bodies, or NULL where the body is in the table bodies
  body_file TEXT,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  next_attempt_at INTEGER NOT NULL,
  finished_at INTEGER
) STRICT;
CREATE INDEX messages_due ON messages (lane, next_attempt_at) WHERE state = 'queued';
CREATE INDEX messages_finished ON messages (finished_at) WHERE finished_at IS NOT NULL;
CREATE TABLE bodies (
  message_id TEXT PRIMARY KEY,
  content BLOB NOT NULL
) STRICT;
CREATE TABLE attempts (
  message_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  lane TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  delivered INTEGER NOT NULL,
  upstream_id TEXT,
  outcomes TEXT NOT NULL,
  PRIMARY KEY (message_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_sent ON attempts (lane, started_at, delivered) WHERE delivered > 0;
INSERT INTO messages VALUES ('0mwqber7msqbot', 'contoso/reports@contoso.example', 'scanner', 'contoso', 'reports@contoso.example', 'graph', '{"reversePath":"reports@contoso.example","eightBit":true,"smtpUtf8":false}', '[{"address":"ann@contoso.example","state":"pending","last":{"outcome":"temporary","code":"4.3.2","text":"try later"}},{"address":"bo@fabrikam.example","dsn":{"notify":["NEVER"]},"state":"pending","last":{"outcome":"temporary","code":"4.3.2","text":"try later"}}]', 0, 26, NULL, 'queued', 1, 1767600000000, 1767772800000, 1767600060000, NULL);
INSERT INTO messages VALUES ('0mwqber7oazpze', 'contoso/erp@contoso.example', 'erp', 'contoso', 'erp@contoso.example', 'graph', '{"reversePath":"reports@contoso.example","eightBit":true,"smtpUtf8":false}', '[{"address":"ann@contoso.example","state":"pending"},{"address":"bo@fabrikam.example","dsn":{"notify":["NEVER"]},"state":"pending"}]', 0, 25, NULL, 'held', 0, 1767600000000, 1767772800000, 1767600000000, NULL);
INSERT INTO messages VALUES ('0mwqber7p7gpqo', 'contoso/reports@contoso.example', 'scanner', 'contoso', 'reports@contoso.example', 'graph', '{"reversePath":"reports@contoso.example","eightBit":true,"smtpUtf8":false}', '[{"address":"ann@contoso.example","state":"delivered","last":{"outcome":"delivered","code":"2.0.0","text":"ok"}},{"address":"bo@fabrikam.example","dsn":{"notify":["NEVER"]},"state":"delivered","last":{"outcome":"delivered","code":"2.0.0","text":"ok"}}]', 0, 29, NULL, 'delivered', 1, 1767600000000, 1767772800000, 0, 1767600001020);
INSERT INTO messages VALUES ('0mwqber7qk6n1j', 'contoso/reports@contoso.example', 'scanner', 'contoso', 'reports@contoso.example', 'graph', '{"reversePath":"reports@contoso.example","eightBit":true,"smtpUtf8":false}', '[{"address":"ann@contoso.example","state":"failed","last":{"outcome":"permanent","code":"ErrorInvalidRecipients","text":"no such recipient"}},{"address":"bo@fabrikam.example","dsn":{"notify":["NEVER"]},"state":"failed","last":{"outcome":"permanent","code":"ErrorInvalidRecipients","text":"no such recipient"}}]', 0, 27, NULL, 'failed', 1, 1767600000000, 1767772800000, 0, 1767600001020);
INSERT INTO messages VALUES ('0mwqber7r8ombl', 'contoso/reports@contoso.example', 'scanner', 'contoso', 'reports@contoso.example', 'graph', '{"reversePath":"reports@contoso.example","eightBit":true,"smtpUtf8":false}', '[{"address":"ann@contoso.example","state":"pending"},{"address":"bo@fabrikam.example","dsn":{"notify":["NEVER"]},"state":"pending"}]', 0, 70000, '0mwqber7r8ombl.eml', 'queued', 0, 1767600000000, 1767772800000, 1767600000000, NULL);
INSERT INTO bodies VALUES ('0mwqber7msqbot', x'5375626a6563743a207175657565640d0a0d0a66697273740d0a');
INSERT INTO bodies VALUES ('0mwqber7oazpze', x'5375626a6563743a2068656c640d0a0d0a7365636f6e640d0a');
INSERT INTO bodies VALUES ('0mwqber7qk6n1j', x'5375626a6563743a206661696c65640d0a0d0a666f757274680d0a');
INSERT INTO attempts VALUES ('0mwqber7msqbot', 1, 'contoso/reports@contoso.example', 1767600001000, 20, 0, 'req-1', '[{"address":"ann@contoso.example","outcome":"temporary","code":"4.3.2","text":"try later"},{"address":"bo@fabrikam.example","outcome":"temporary","code":"4.3.2","text":"try later"}]');
INSERT INTO attempts VALUES ('0mwqber7p7gpqo', 1, 'contoso/reports@contoso.example', 1767600001000, 20, 2, 'req-1', '[{"address":"ann@contoso.example","outcome":"delivered","code":"2.0.0","text":"ok"},{"address":"bo@fabrikam.example","outcome":"delivered","code":"2.0.0","text":"ok"}]');
INSERT INTO attempts VALUES ('0mwqber7qk6n1j', 1, 'contoso/reports@contoso.example', 1767600001000, 20, 0, 'req-1', '[{"address":"ann@contoso.example","outcome":"permanent","code":"ErrorInvalidRecipients","text":"no such recipient"},{"address":"bo@fabrikam.example","outcome":"permanent","code":"ErrorInvalidRecipients","text":"no such recipient"}]');
PRAGMA user_version = 1;
