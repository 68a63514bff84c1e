import { base64, head, mail, noise, pdf, type Recipes } from './mail.ts';

/** A DER-looking PKCS #7 blob with made-up content. */
const pkcs7 = (length: number, seed: number) =>
  base64(Buffer.concat([Buffer.from('308006092a864886f70d010702a080308002010131', 'hex'), noise(length, seed)]), 64);

/** What devices and programs send: signed and encrypted mail, calendars, scans, exports, alerts. */
export const applications: Recipes = {
  'smime-signed': mail`
${head('signed', 300)}
Content-Type: multipart/signed; protocol="application/pkcs7-signature";
	micalg=sha-256; boundary="----2D1F0C8A4E6B"

This is an S/MIME signed message

------2D1F0C8A4E6B
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Jedes Byte zählt:  zwei Blanks, ein Tab	und Blanks am Ende  ${''}
.
.. Punkte

------2D1F0C8A4E6B
Content-Type: application/pkcs7-signature; name="smime.p7s"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="smime.p7s"

${pkcs7(1700, 300)}

------2D1F0C8A4E6B--

`,
  'smime-enveloped': mail`
${head('encrypted', 301)}
Content-Type: application/pkcs7-mime; smime-type=enveloped-data;
 name="smime.p7m"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="smime.p7m"

${pkcs7(3000, 301)}
`,
  'smime-opaque-signed': mail`
${head('opaque signed', 302)}
Content-Type: application/x-pkcs7-mime; smime-type=signed-data; name=smime.p7m
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename=smime.p7m

${pkcs7(900, 302)}
`,
  'pgp-signed': mail`
${head('PGP signed', 303)}
Content-Type: multipart/signed; micalg=pgp-sha512;
 protocol="application/pgp-signature"; boundary="pgp-sig"

This is an OpenPGP/MIME signed message (RFC 4880 and 3156)
--pgp-sig
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

-- =20
From=20here on it is signed: Gr=C3=BC=C3=9Fe

--pgp-sig
Content-Type: application/pgp-signature; name="OpenPGP_signature.asc"
Content-Description: OpenPGP digital signature

-----BEGIN PGP SIGNATURE-----

${base64(noise(400, 303), 64)}
=aB3d
-----END PGP SIGNATURE-----

--pgp-sig--
`,
  'pgp-encrypted': mail`
${head('...', 304)}
Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="pgp-enc"

--pgp-enc
Content-Type: application/pgp-encrypted

Version: 1

--pgp-enc
Content-Type: application/octet-stream; name="encrypted.asc"
Content-Disposition: inline; filename="encrypted.asc"

-----BEGIN PGP MESSAGE-----

${base64(noise(1500, 304), 64)}
=x0Y1
-----END PGP MESSAGE-----
--pgp-enc--
`,
  'calendar-invitation': mail`
${head('Invitation: Stock-taking', 305)}
Content-Type: multipart/mixed; boundary="cal-mixed"

--cal-mixed
Content-Type: multipart/alternative; boundary="cal-alt"

--cal-alt
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Inventur am 9. Januar um 14:00 Uhr, Büro 3
--cal-alt
Content-Type: text/calendar; charset="utf-8"; method=REQUEST; component=VEVENT
Content-Transfer-Encoding: 8bit

BEGIN:VCALENDAR
PRODID:-//Contoso//ERP 7//EN
VERSION:2.0
METHOD:REQUEST
BEGIN:VEVENT
UID:stock-2026-01@contoso.com
DTSTAMP:20260105T080500Z
DTSTART:20260109T130000Z
DTEND:20260109T150000Z
SUMMARY:Inventur – alle Lager
LOCATION:Büro 3
ORGANIZER;CN=Reports:mailto:reports@contoso.com
ATTENDEE;CN="Wilber, Alex";PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:alex@cont
 oso.com
DESCRIPTION:Bitte mitbringen:\n- Liste\n- Stift
BEGIN:VALARM
ACTION:DISPLAY
TRIGGER:-PT15M
DESCRIPTION:Reminder
END:VALARM
END:VEVENT
END:VCALENDAR
--cal-alt--
--cal-mixed
Content-Type: application/ics; name="invite.ics"
Content-Disposition: attachment; filename="invite.ics"
Content-Transfer-Encoding: base64

${base64('BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n')}
--cal-mixed--
`,
  vcard: mail`
${head('my card', 306)}
Content-Type: multipart/mixed; boundary="card"

--card
Content-Type: text/plain

card attached
--card
Content-Type: text/vcard; charset=utf-8; name="zoe.vcf"
Content-Disposition: attachment; filename="zoe.vcf"
Content-Transfer-Encoding: 8bit

BEGIN:VCARD
VERSION:3.0
N:Müller;Zoë;;;
FN:Zoë Müller
EMAIL;TYPE=work:zoe@contoso.com
PHOTO;ENCODING=b;TYPE=PNG:iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADU
 lEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==
END:VCARD
--card--
`,
  'device-scanner-pdf': mail`
From: <reports@contoso.com>
To: <alex@contoso.com>
Subject: Scanned from MFP-3
Date: Mon, 5 Jan 2026 9:07:00 +0100
Message-Id: <20260105090700.00000A3F.0117@mfp-3>
X-Mailer: KMBT_C364e
MIME-Version: 1.0
Content-Type: multipart/mixed;
	boundary="=_NextPart_000_0117_KMBT"

This is a multi-part message in MIME format.

--=_NextPart_000_0117_KMBT
Content-Type: text/plain;
	charset="us-ascii"
Content-Transfer-Encoding: 7bit

Reply address: reports@contoso.com <reports@contoso.com>
Device Name: MFP-3
Device Model: C364e
Location: 2nd floor
File Format: PDF (Medium)
Resolution: 200dpi x 200dpi

--=_NextPart_000_0117_KMBT
Content-Type: application/pdf;
	name="SKM_C36426010509070.pdf"
Content-Transfer-Encoding: base64
Content-Disposition: attachment;
	filename="SKM_C36426010509070.pdf"

${base64(pdf(60000))}

--=_NextPart_000_0117_KMBT--

`,
  'device-fax-tiff': mail`
From:reports@contoso.com
To:alex@contoso.com
Subject:Fax from +49 221 555 0100
MIME-Version:1.0
Content-Type:multipart/mixed; boundary=FAXBOUND

--FAXBOUND
Content-Type:text/plain

1 page(s)
--FAXBOUND
Content-Type:image/tiff
Content-Transfer-Encoding:base64
Content-Disposition:attachment; filename=FAX0001.TIF

${base64(Buffer.concat([Buffer.from('49492a0008000000', 'hex'), noise(4000, 308)]), 72)}
--FAXBOUND--
`,
  'device-ups-alarm': mail`
From: reports@contoso.com
To: alex@contoso.com
Subject: UPS: On battery power.

Name     : UPS-RACK-2
Location : Server room
Contact  : IT

http://192.168.10.31
Serial   : AS1234567890
Date     : 01/05/2026
Time     : 09:09:00
Code     : 0x0109

Warning - UPS: On battery power in response to an input power problem.
`,
  'program-erp-xml': mail`
${head('ORDERS 4500017', 310)}
X-Mailer: SAP NetWeaver 7.50
Content-Type: multipart/mixed; boundary="=_005056B47F1A1EED"

--=_005056B47F1A1EED
Content-Type: text/plain; charset=utf-8

Order 4500017 attached.
--=_005056B47F1A1EED
Content-Type: application/xml; charset=utf-8; name="ORDERS_4500017.xml"
Content-Disposition: attachment; filename="ORDERS_4500017.xml"
Content-Transfer-Encoding: 8bit
Content-Description: ORDERS05

<?xml version="1.0" encoding="utf-8"?>
<ORDERS05><IDOC BEGIN="1"><EDI_DC40 SEGMENT="1"><DOCNUM>0000000004500017</DOCNUM></EDI_DC40><E1EDP01 SEGMENT="1"><POSEX>10</POSEX><MENGE>20</MENGE><KTEXT>Jäckchen &lt;38&gt; &amp; Schürze</KTEXT></E1EDP01></IDOC></ORDERS05>
--=_005056B47F1A1EED--
`,
  'program-edifact': mail`
${head('INVOIC', 311)}
Content-Type: application/EDIFACT; charset=us-ascii
Content-Transfer-Encoding: 7bit
Content-Disposition: attachment; filename="INVOIC.EDI"

UNA:+.? '
UNB+UNOA:2+CONTOSO+FABRIKAM+260105:0911+REF1'UNH+1+INVOIC:D:96A:UN'BGM+380+INV-1+9'UNT+3+1'UNZ+1+REF1'
`,
  'program-monitoring-alert': mail`
From: Nagios <reports@contoso.com>
To: alex@contoso.com
Subject: ** PROBLEM Service Alert: db-2/Disk space is CRITICAL **
Date: Mon, 05 Jan 2026 09:12:00 +0100 (CET)
Message-Id: <20260105081200.9A7C31C0@monitor.contoso.com>

***** Nagios *****

Notification Type: PROBLEM

Service: Disk space
Host: db-2
Address: 192.168.10.12
State: CRITICAL

Additional Info:

DISK CRITICAL - free space: / 512 MB (2% inode=71%):
`,
  'program-cron': mail`
From: reports@contoso.com (Cron Daemon)
To: root
Subject: Cron <root@erp-1> test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.daily )
MIME-Version: 1.0
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: 8bit
X-Cron-Env: <SHELL=/bin/sh>
X-Cron-Env: <HOME=/root>
X-Cron-Env: <LOGNAME=root>
Message-Id: <20260105081300.1B2C@erp-1>
Date: Mon,  5 Jan 2026 09:13:00 +0100 (CET)

/etc/cron.daily/backup:
tar: /srv/daten/Verträge.pdf: Datei hat sich beim Lesen geändert
`,
  'program-html-newsletter': mail`
${head('=?utf-8?B?8J+OiQ==?= January offers', 314)}
List-Unsubscribe: <mailto:leave@contoso.com>
Content-Type: multipart/alternative; charset=utf-8; boundary="----=_Part_12_3456789.1767604440000"

------=_Part_12_3456789.1767604440000
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

=F0=9F=8E=89 Everything must go=E2=80=A6
------=_Part_12_3456789.1767604440000
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64

${base64('<html><body><h1>🎉 Everything must go…</h1></body></html>')}
------=_Part_12_3456789.1767604440000--
`,
};
