/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct text text_count(int64_t n)
{
	uint64_t v = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, v);
	struct text t;
	size_t at = 0;

	if (n < 0)
		t.s[at++] = '-';
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			t.s[at++] = ',';
		t.s[at++] = digits[i];
	}
	t.s[at] = '\0';
	return t;
}

/* Three significant digits of @v and a unit. */
static struct text scaled(double v, const char *unit)
{
	struct text t;
	double a = v < 0 ? -v : v;

	snprintf(t.s, sizeof(t.s), "%.*f%s", a >= 99.95 ? 0 : a >= 9.995 ? 1 : 2, v, unit);
	return t;
}

struct text text_short(int64_t n)
{
	static const char *const unit[] = { "", " k", " M", " G", " T", " P", " E" };
	double v = (double)n;
	size_t u = 0;

	if (n > -10000 && n < 10000)
		return text_count(n);
	while ((v >= 999.5 || v <= -999.5) && u + 1 < ARRAY_SIZE(unit)) {
		v /= 1000;
		u++;
	}
	return scaled(v, unit[u]);
}

struct text text_bytes(int64_t bytes)
{
	static const char *const unit[] = { " B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB" };
	double v = (double)bytes;
	struct text t;
	size_t u = 0;

	while ((v >= 1023.5 || v <= -1023.5) && u + 1 < ARRAY_SIZE(unit)) {
		v /= 1024;
		u++;
	}
	if (u)
		return scaled(v, unit[u]);
	snprintf(t.s, sizeof(t.s), "%" PRId64 " B", bytes);
	return t;
}

struct text text_duration(int64_t ns)
{
	int64_t a = ns < 0 ? -(ns + 1) : ns;
	struct text t;

	if (a < 1000) {
		snprintf(t.s, sizeof(t.s), "%" PRId64 " ns", ns);
		return t;
	}
	if (a < 999500)
		return scaled((double)ns / 1e3, " µs");
	if (a < 999500000)
		return scaled((double)ns / 1e6, " ms");
	if (a < 120 * NSEC_PER_SEC)
		return scaled((double)ns / 1e9, " s");
	a /= NSEC_PER_SEC;
	if (a < 7200)
		snprintf(t.s, sizeof(t.s), "%s%" PRId64 " min %" PRId64 " s", ns < 0 ? "-" : "",
			 a / 60, a % 60);
	else
		snprintf(t.s, sizeof(t.s), "%s%" PRId64 " h %" PRId64 " min", ns < 0 ? "-" : "",
			 a / 3600, a % 3600 / 60);
	return t;
}

/* Days since 1970-01-01 as year, month, day of the Gregorian calendar; own arithmetic, because
 * gmtime() gives up on years that a damaged clock can name. */
static void civil(int64_t days, int64_t *year, int *month, int *day)
{
	int64_t z = days + 719468; /* days since 0000-03-01 */
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = yoe + era * 400 + (*month <= 2);
}

struct text text_utc(int64_t ns)
{
	int64_t sec = ns / NSEC_PER_SEC, frac = ns % NSEC_PER_SEC, days, rest, year;
	int month, day;
	struct text t;

	if (frac < 0) {
		frac += NSEC_PER_SEC;
		sec--;
	}
	days = sec / 86400;
	rest = sec % 86400;
	if (rest < 0) {
		rest += 86400;
		days--;
	}
	civil(days, &year, &month, &day);
	snprintf(t.s, sizeof(t.s), "%04" PRId64 "-%02d-%02d %02d:%02d:%02d.%06d UTC", year, month,
		 day, (int)(rest / 3600), (int)(rest % 3600 / 60), (int)(rest % 60),
		 (int)(frac / 1000));
	return t;
}

struct text text_since(int64_t ns)
{
	uint64_t a = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	struct text t;

	snprintf(t.s, sizeof(t.s), "%c%" PRIu64 ".%06d s", ns < 0 ? '-' : '+',
		 a / (uint64_t)NSEC_PER_SEC, (int)(a % (uint64_t)NSEC_PER_SEC / 1000));
	return t;
}

struct text text_percent(int64_t part, int64_t whole)
{
	struct text t = { "-" };
	double v;

	if (!whole)
		return t;
	v = 100.0 * (double)part / (double)whole;
	/* only all of it is 100 % */
	v = part < whole && v > 99.9 ? 99.9 : v;
	snprintf(t.s, sizeof(t.s), v > 0 && v < 0.1 ? "%.3f %%" : "%.1f %%", v);
	return t;
}

static void put_end(char *out, size_t size, const char *addr, int64_t port)
{
	bool v6 = strchr(addr, ':') != NULL;

	if (port < 0)
		snprintf(out, size, "%.46s", addr);
	else
		snprintf(out, size, "%s%.46s%s:%" PRId64, v6 ? "[" : "", addr, v6 ? "]" : "",
			 port % 65536);
}

struct text text_flow(const char *proto, const char *src, int64_t sport, const char *dst,
		      int64_t dport)
{
	char a[56], b[56];
	struct text t;

	put_end(a, sizeof(a), src && *src ? src : "?", sport);
	put_end(b, sizeof(b), dst && *dst ? dst : "?", dport);
	snprintf(t.s, sizeof(t.s), "%.10s %s > %s", proto && *proto ? proto : "?", a, b);
	return t;
}

static bool is_unsafe(uint32_t cp)
{
	return (cp < 0x20 && cp != '\n' && cp != '\t') || (cp >= 0x7f && cp < 0xa0) ||
	       cp == 0x061c || cp == 0x200e || cp == 0x200f || (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2066 && cp <= 0x2069) || cp == 0xfeff || (cp >= 0xd800 && cp < 0xe000) ||
	       cp > 0x10ffff;
}

bool text_next(const char **s, uint32_t *cp)
{
	const unsigned char *p = (const unsigned char *)*s;
	size_t n = utf8_length(p, strnlen(*s, 4));
	uint32_t v = n > 1 ? p[0] & (0xff >> (n + 1)) : p[0];

	if (!p[0])
		return false;
	for (size_t i = 1; i < n; i++)
		v = v << 6 | (p[i] & 0x3f);
	*s += n ? n : 1;
	*cp = n && !is_unsafe(v) ? v : 0xfffd;
	return true;
}

void text_put(FILE *f, uint32_t cp)
{
	if (cp < 0x80) {
		putc((int)cp, f);
	} else if (cp < 0x800) {
		putc((int)(0xc0 | cp >> 6), f);
		putc((int)(0x80 | (cp & 0x3f)), f);
	} else if (cp < 0x10000) {
		putc((int)(0xe0 | cp >> 12), f);
		putc((int)(0x80 | (cp >> 6 & 0x3f)), f);
		putc((int)(0x80 | (cp & 0x3f)), f);
	} else {
		putc((int)(0xf0 | cp >> 18), f);
		putc((int)(0x80 | (cp >> 12 & 0x3f)), f);
		putc((int)(0x80 | (cp >> 6 & 0x3f)), f);
		putc((int)(0x80 | (cp & 0x3f)), f);
	}
}

size_t text_width(const char *s)
{
	size_t n = 0;
	uint32_t cp;

	while (text_next(&s, &cp))
		n++;
	return n;
}

/* East Asian wide and fullwidth characters (UAX 11), as far as texts hold them. */
static bool is_wide(uint32_t cp)
{
	return (cp >= 0x1100 && cp <= 0x115f) || (cp >= 0x2e80 && cp <= 0xa4cf) || (cp >= 0xac00 && cp <= 0xd7a3) ||
	       (cp >= 0xf900 && cp <= 0xfaff) || (cp >= 0xfe30 && cp <= 0xfe6f) || (cp >= 0xff00 && cp <= 0xff60) ||
	       (cp >= 0x20000 && cp <= 0x3fffd);
}

size_t text_columns(const char *s, size_t max, size_t *bytes)
{
	const char *at = s;
	size_t n = 0;
	uint32_t cp;

	*bytes = 0;
	while (text_next(&at, &cp)) {
		n += is_wide(cp) ? 2 : 1;
		if (n <= max)
			*bytes = (size_t)(at - s);
	}
	return n;
}

/* NULL where a character stands for itself. */
static const char *html_entity(uint32_t cp)
{
	switch (cp) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

size_t text_html_max(FILE *f, const char *s, size_t max)
{
	size_t bytes = 0;
	uint32_t cp;

	for (size_t n = 0; text_next(&s, &cp); n++) {
		const char *entity = html_entity(cp);

		if (n == max) {
			fputs("…", f);
			return bytes + strlen("…");
		}
		if (entity)
			fputs(entity, f);
		else
			text_put(f, cp);
		bytes += entity		? strlen(entity)
			 : cp < 0x80	? 1
			 : cp < 0x800	? 2
			 : cp < 0x10000 ? 3
					: 4;
	}
	return bytes;
}

void text_html(FILE *f, const char *s)
{
	text_html_max(f, s, SIZE_MAX);
}

void text_markdown(FILE *f, const char *s)
{
	const char *start = s;
	uint32_t cp, last = 0, before = 0;

	while (text_next(&s, &cp)) {
		bool word = (last >= '0' && last <= '9') || (last >= 'a' && last <= 'z') ||
			    (last >= 'A' && last <= 'Z');

		if (cp == '\n' || cp == '\t') {
			putc(' ', f);
		} else if (cp == '<' || cp == '>' || cp == '&' || cp == '@' || cp == '#') {
			/* an entity cannot start markup, a mention or an issue reference */
			fprintf(f, "&#%u;", cp);
		} else if ((cp == ':' && word && *s == '/') ||
			   (cp == '.' && (last | 0x20) == 'w' && (before | 0x20) == 'w')) {
			/* GFM autolinks http://... and www. (GFM 0.29, 6.9) */
			fprintf(f, "&#%u;", cp);
		} else if (cp < 0x80 && strchr("\\`*_{}[]|~!", (int)cp)) {
			/* an underscore inside a word is text to GFM and Jira alike */
			if (cp != '_' || !word || !*s)
				putc('\\', f);
			putc((int)cp, f);
		} else if ((cp == '-' || cp == '+' || cp == '=') && s == start + 1) {
			fprintf(f, "\\%c", (int)cp);
		} else {
			text_put(f, cp);
		}
		before = last;
		last = cp;
	}
}

void text_fence(FILE *f, const char *indent, const char *s)
{
	size_t longest = 2, run = 0;
	uint32_t cp;

	for (const char *p = s; *p; p++) {
		run = *p == '`' ? run + 1 : 0;
		if (run > longest)
			longest = run;
	}
	fputs(indent, f);
	for (size_t i = 0; i <= longest; i++)
		putc('`', f);
	fprintf(f, "\n%s", indent);
	while (text_next(&s, &cp)) {
		text_put(f, cp);
		if (cp == '\n')
			fputs(indent, f);
	}
	fprintf(f, "\n%s", indent);
	for (size_t i = 0; i <= longest; i++)
		putc('`', f);
	putc('\n', f);
}

void text_term(FILE *f, const char *s)
{
	uint32_t cp;

	while (text_next(&s, &cp))
		text_put(f, cp == '\n' || cp == '\t' ? ' ' : cp);
}

void text_lines(FILE *f, int indent, const char *s)
{
	uint32_t cp;

	fprintf(f, "%*s", indent, "");
	while (text_next(&s, &cp)) {
		text_put(f, cp);
		if (cp == '\n')
			fprintf(f, "%*s", indent, "");
	}
	putc('\n', f);
}
