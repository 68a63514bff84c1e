import { head, mail, octets, type Recipes } from './mail.ts';

const list = (count: number, item: (index: number) => string, separator = '\n') => Array.from({ length: count }, (_, i) => item(i)).join(separator);

/** What headers can look like. */
export const headers: Recipes = {
  'header-no-subject': mail`
From: reports@contoso.com
To: alex@contoso.com
Date: Mon, 05 Jan 2026 10:00:00 +0100
Message-ID: <corpus-100@contoso.com>

no Subject
`,
  'header-empty-subject': mail`
From: reports@contoso.com
To: alex@contoso.com
Subject:
Date: Mon, 05 Jan 2026 10:01:00 +0100
Message-ID: <corpus-101@contoso.com>

an empty Subject
`,
  'header-no-to': mail`
From: reports@contoso.com
Cc: alex@contoso.com
Subject: no To
Date: Mon, 05 Jan 2026 10:02:00 +0100
Message-ID: <corpus-102@contoso.com>

no To
`,
  'header-bcc-only': mail`
From: reports@contoso.com
Bcc: alex@contoso.com
Subject: only a Bcc
Date: Mon, 05 Jan 2026 10:03:00 +0100
Message-ID: <corpus-103@contoso.com>

only a Bcc
`,
  'header-bcc-among-others': mail`
From: reports@contoso.com
To: alex@contoso.com
BCC: "Hidden, One" <one@contoso.com>,
	two@contoso.com
Cc: megan@contoso.com
bcc: three@contoso.com
Subject: two Bcc fields, folded and in odd case
Date: Mon, 05 Jan 2026 10:04:00 +0100
Message-ID: <corpus-104@contoso.com>

hidden recipients
`,
  'header-no-recipients': mail`
From: reports@contoso.com
Subject: no recipient field at all
Date: Mon, 05 Jan 2026 10:05:00 +0100
Message-ID: <corpus-105@contoso.com>

the envelope alone knows
`,
  'header-undisclosed-recipients': mail`
From: reports@contoso.com
To: undisclosed-recipients:;
Subject: an empty group
Date: Mon, 05 Jan 2026 10:06:00 +0100
Message-ID: <corpus-106@contoso.com>

an empty group
`,
  'header-groups': mail`
From: reports@contoso.com
To: Store managers: "Wilber, Alex" <alex@contoso.com>, megan@contoso.com;,
 Drivers:;, "Doe; John: jr." <john@contoso.com>
Subject: groups
Date: Mon, 05 Jan 2026 10:07:00 +0100
Message-ID: <corpus-107@contoso.com>

groups
`,
  'header-no-date-no-message-id': mail`
From: reports@contoso.com
To: alex@contoso.com
Subject: neither Date nor Message-ID

as many devices send it
`,
  'header-no-from': mail`
To: alex@contoso.com
Subject: no From
Date: Mon, 05 Jan 2026 10:09:00 +0100
Message-ID: <corpus-109@contoso.com>

no From
`,
  'header-subject-alone': mail`
Subject: nothing else

minimal
`,
  'header-raw-utf8': mail`
From: "Büro Köln" <reports@contoso.com>
To: Zoë Müller <alex@contoso.com>, 用户 <megan@contoso.com>
Subject: Grüße – 日本語 ✓
Date: Mon, 05 Jan 2026 10:11:00 +0100
Message-ID: <corpus-111@contoso.com>
X-Office: Köln, Büro 3
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

raw UTF-8 in the header
`,
  'header-raw-latin1': mail`
From: reports@contoso.com
To: alex@contoso.com
Subject: @@
Date: Mon, 05 Jan 2026 10:12:00 +0100
Message-ID: <corpus-112@contoso.com>

raw Latin-1 in the Subject
`.replace('@@', 'Gr\xfc\xdfe aus K\xf6ln'),
  'header-encoded-words': mail`
From: =?UTF-8?B?QsO8cm8gS8O2bG4=?= <reports@contoso.com>
To: =?iso-8859-1?Q?M=FCller=2C_Zo=EB?= <alex@contoso.com>,
 =?utf-8?b?55So5oi3?= (=?utf-8?q?Kommentar_=C3=BC?=) <megan@contoso.com>
Subject: =?utf-8?Q?Ein_sehr_langer_Betreff_mit_=C3=84=C3=96=C3=9C_der_auf_m?=
 =?utf-8?Q?ehrere_W=C3=B6rter_verteilt_ist?=	=?utf-8*de?q?_Ende?=
Date: Mon, 05 Jan 2026 10:13:00 +0100
Message-ID: <corpus-113@contoso.com>

encoded words
`,
  'header-folded': mail`
From: "A display name that is so long that the program folded it @ an odd
	place, with a comma" (and a comment
 that is folded)
	<reports@contoso.com>
To:
 alex@contoso.com
Subject:	tab first,
	tab folded,
 	 blank tab blank folded,
   many blanks folded
Date: Mon, 05 Jan 2026 10:14:00 +0100 (Central European
 Time)
Message-ID:
 <corpus-114@contoso.com>
X-Blank-Fold: before
${' '}
 after

folded in every way
`,
  'header-obsolete-syntax': mail`
From : Reports (the "daily" (really) ones) <@relay.contoso.com,@b.example:reports@contoso.com>
To  : alex @ contoso . com, , "needless"@contoso.com (Pete (a nice \) chap))
Subject	: obsolete but legal
Date: Mon, 5 Jan 26 10:15 CET
Message-ID: <corpus-115 @ contoso.com>

RFC 5322 section 4
`,
  'header-quoted-local-part': mail`
From: reports@contoso.com
To: "front desk"@contoso.com, "a\"b\\c@d"@contoso.com, root@[192.0.2.1], root@[IPv6:2001:db8::1]
Subject: quoted local parts and domain literals
Date: Mon, 05 Jan 2026 10:16:00 +0100
Message-ID: <corpus-116@contoso.com>

legal
`,
  'header-from-with-at-in-name': mail`
From: "megan@contoso.com via Portal, Ltd." <reports@contoso.com>
Reply-To: "megan@contoso.com" <megan@contoso.com>
To: alex@contoso.com
Subject: a display name that looks like an address
Date: Mon, 05 Jan 2026 10:17:00 +0100
Message-ID: <corpus-117@contoso.com>

only the part in angle brackets counts
`,
  'header-long-references': mail`
${head('Re: Re: Re: a long thread', 118)}
In-Reply-To: <thread-199@contoso.com>
References: ${list(200, (i) => `<thread-${i}.${'0123456789abcdef'.repeat(3)}@contoso.com>`, '\n ')}

very long References
`,
  'header-duplicates': mail`
Received: from b.contoso.com by a.contoso.com; Mon, 05 Jan 2026 10:19:02 +0100
Received: from c.contoso.com by b.contoso.com; Mon, 05 Jan 2026 10:19:01 +0100
${head('first of two', 119)}
Subject: second of two
To: megan@contoso.com
X-Tag: one
X-Tag: one
x-tag: two

duplicated fields
`,
  'header-200-recipients': mail`
From: reports@contoso.com
To: ${list(120, (i) => `"Recipient, Number ${i}" <user${i}@contoso.com>`, ',\n\t')}
Cc: ${list(80, (i) => `user${i + 120}@contoso.com`, ', ').replace(/(.{60,75},) /g, '$1\n ')}
Subject: 200 recipients
Date: Mon, 05 Jan 2026 10:20:00 +0100
Message-ID: <corpus-120@contoso.com>

200 recipients
`,
  'header-500-fields': mail`
${head('many fields', 121)}
${list(500, (i) => `X-Field-${i}: ${'value '.repeat((i % 7) + 1).trim()}`)}

500 more fields
`,
  'header-long-line': mail`
${head('a field of 900 octets on one line', 122)}
X-Long: ${'x'.repeat(900)}
X-Too-Long: ${'word '.repeat(600).trim()}

unfolded
`,
  'header-odd-case': mail`
FROM: reports@contoso.com
tO: alex@contoso.com
sUBJECT: odd case
DATE: Mon, 05 Jan 2026 10:23:00 +0100
message-id: <corpus-123@contoso.com>
mime-version: 1.0
CONTENT-TYPE: TEXT/PLAIN; CHARSET=US-ASCII
content-TRANSFER-encoding: 7BIT

odd case
`,
  'header-no-space-after-colon': mail`
From:reports@contoso.com
To:alex@contoso.com
Subject:no space after the colon
Date:Mon, 05 Jan 2026 10:24:00 +0100
Message-ID:<corpus-124@contoso.com>
X-Empty:
X-Blank:${'   '}

tight
`,
  'header-content-type-comments': mail`
From: reports@contoso.com
To: alex@contoso.com
Subject: comments in MIME fields
Date: Mon, 05 Jan 2026 10:25:00 +0100
Message-ID: <corpus-125@contoso.com>
MIME-Version: (produced by MetaSend Vx.x) 1.0
Content-Type: text/plain (plain (really)); charset=(the usual)"us-ascii" (end);
Content-Transfer-Encoding: (none) 7bit

comments
`,
  'header-mailing-list': mail`
Return-Path: <announce-bounces@lists.contoso.com>
Received: by lists.contoso.com (Postfix, from userid 38)
	id 4F2A51C0; Mon,  5 Jan 2026 10:26:03 +0100 (CET)
${head('[announce] Maintenance on Saturday', 126)}
Reply-To: announce@lists.contoso.com
Sender: reports@contoso.com
Precedence: list
List-Id: Announcements <announce.lists.contoso.com>
List-Unsubscribe: <https://lists.contoso.com/u/abc>, <mailto:announce-leave@lists.contoso.com?subject=leave>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
List-Post: <mailto:announce@lists.contoso.com>
Errors-To: announce-bounces@lists.contoso.com
X-Mailman-Version: 3.3.9

The servers will be down from 6 to 8.
_______________________________________________
announce mailing list -- announce@lists.contoso.com
`,
  'header-dkim-arc': mail`
ARC-Seal: i=1; a=rsa-sha256; t=1767604020; cv=none; d=contoso.com; s=arc;
	b=kV0eWbR1mQ2d3C4f5G6h7J8k9L0pQwErTyUiOpAsDfGhJkLzXcVbNm1234567890
	 qazwsxedcrfvtgbyhnujmikolp==
ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; d=contoso.com; s=arc;
	h=from:to:subject:date:message-id; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;
	b=Zm9vYmFyYmF6cXV4
ARC-Authentication-Results: i=1; mx.contoso.com; dkim=none; spf=pass smtp.mailfrom=contoso.com
DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=contoso.com; s=s1; t=1767604020;
	bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
	h=From:To:Subject:Date:Message-ID:From:To:Subject;
	b=AbCdEfGhIjKlMnOpQrStUvWxYz0123456789+/AbCdEfGhIjKlMnOpQrStUvWxYz012345
	 6789+/==
Authentication-Results: mx.contoso.com; spf=pass smtp.mailfrom=contoso.com
Received-SPF: pass (mx.contoso.com: 192.0.2.1 is allowed) client-ip=192.0.2.1;
${head('signed by DKIM and sealed by ARC', 127)}

c=simple breaks if a single blank  changes.
`,
  'header-resent': mail`
Resent-From: reports@contoso.com
Resent-To: megan@contoso.com
Resent-Date: Mon, 05 Jan 2026 10:28:30 +0100
Resent-Message-ID: <corpus-resent-128@contoso.com>
Resent-Bcc: hidden@contoso.com
Received: from mfp.contoso.com by relay.contoso.com; Mon, 05 Jan 2026 10:28:00 +0100
${head('resent', 128)}

resent
`,
  'header-priority-and-receipts': mail`
${head('please confirm', 129)}
X-Priority: 1 (Highest)
X-MSMail-Priority: High
Importance: high
Disposition-Notification-To: Reports <reports@contoso.com>
Return-Receipt-To: reports@contoso.com
X-Mailer: Microsoft CDO for Windows 2000
X-MimeOLE: Produced By Microsoft MimeOLE V6.00.3790.4913
Thread-Index: AdpAbcDEFghIJKlmNOpqRStuVWxyZQ==
Auto-Submitted: auto-generated

receipts asked for
`,
  'header-mbox-line': octets(`From reports@contoso.com Mon Jan  5 10:30:00 2026
${head('an mbox line before the header', 130)}

as "mail" spool files have it
`),
};
