/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * What INSERT does for one row, a walk down the tree, a look at each page on the
 * way and a virtual machine around it, costs more than all the rest of reading a
 * tape. Rows in order of their key need none of it: a leaf is filled from its end,
 * written when it is full and never touched again, and the pages above follow from
 * a list of the leaves. The format is SQLite's and promised to stay
 * (www.sqlite.org/fileformat2.html, section numbers below).
 *
 * SQLite and this writer take turns. While SQLite has the database, full leaves go
 * to a temporary file: a leaf holds no page numbers, so it is the same wherever it
 * will stand. rows_pause() commits; from then on the pages are appended to the
 * database itself. rows_finish() copies the leaves that waited, writes the pages
 * above them, puts each tree's uppermost page where the schema says that the (so
 * far empty) table begins, and counts in the header what has changed: SQLite then
 * takes it for the work of another process, and forgets what it had in memory.
 *
 * Tables with rowid: inner pages hold the largest rowid of the page below. Tables
 * without: each row stands once, those between two leaves in the page above them.
 * No row is longer than what fits into a page without overflow.
 */
#include "rows.h"
#include "rows_db.h"
#include "spill.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE	   DB_PAGE_BYTES
#define AHEAD	   BUILT_SIZE(64, 2) /* pages that are written at once */
#define BODY_MAX   3072
/* of a row whose texts fill BODY_MAX; what fits into a page by itself (section 1.6) is 4086 */
#define CELL_MAX   (BODY_MAX + 11 * ROWS_COLUMNS_MAX + 32)
/* Section 1.2: the page at this byte is never used */
#define LOCK_PAGE  (0x40000000 / PAGE + 1)

/* Section 1.6 */
enum { INDEX_INNER = 2, TABLE_INNER = 5, INDEX_LEAF = 10, TABLE_LEAF = 13 };

/* A page and what stands between it and the next one. */
struct child {
	uint32_t page;	 /* in the database; while it waits, its number in the temporary file */
	uint32_t cell_n; /* keyed */
	union {
		int64_t rowid;	/* the largest one in it */
		uint64_t cell; /* keyed: where in rows.cells */
	} u;
};

struct level {
	struct child *v;
	size_t n, cap;
};

struct rows {
	struct rows *next;
	struct rows_set *set;
	char name[32];
	bool keyed;
	uint32_t root; /* page */
	int64_t rowid, last; /* of the present row, of the last one in the leaf */
	/* the present row */
	uint8_t type[ROWS_COLUMNS_MAX * 3];
	size_t type_n;
	uint8_t body[BODY_MAX + 8 * ROWS_COLUMNS_MAX + 8];
	size_t body_n;
	/* the present leaf */
	uint8_t *leaf; /* PAGE */
	unsigned int cells_n;
	size_t room, top;
	uint8_t *divider; /* keyed: the row behind a full leaf */
	size_t divider_n;
	struct level leaves;
	struct buf cells; /* keyed: the rows between leaves */
	size_t waiting;	  /* the first so many leaves are in the temporary file */
};

struct rows_set {
	struct db *d;
	struct rows *first, **last;
	struct spill *spill;
	bool paused;
	int fd;
	uint32_t page_n; /* pages of the database, those that are in ahead too */
	uint8_t *ahead;
	uint32_t ahead_page; /* of the first one in ahead */
	size_t ahead_n;
};

static struct rows_set *set_get(struct db *d)
{
	struct rows_set **at = db_rows(d);

	if (!*at) {
		*at = calloc(1, sizeof(**at));
		if (*at) {
			(*at)->d = d;
			(*at)->last = &(*at)->first;
		}
	}
	return *at;
}

static void rows_free(struct rows *r)
{
	free(r->leaf);
	free(r->divider);
	free(r->leaves.v);
	buf_free(&r->cells);
	free(r);
}

static void set_clear(struct rows_set *s)
{
	struct rows *next;

	for (struct rows *r = s->first; r; r = next) {
		next = r->next;
		rows_free(r);
	}
	s->first = NULL;
	s->last = &s->first;
	spill_close(s->spill);
	s->spill = NULL;
	free(s->ahead);
	s->ahead = NULL;
}

void rows_set_free(struct rows_set *s)
{
	if (!s)
		return;
	set_clear(s);
	free(s);
}

static void leaf_reset(struct rows *r)
{
	r->cells_n = 0;
	r->top = PAGE;
	r->room = PAGE - 8;
}

int rows_open(struct rows **out, struct db *d, const char *name, bool keyed)
{
	struct rows_set *s = set_get(d);
	struct rows *r = s ? calloc(1, sizeof(*r)) : NULL;
	sqlite3_stmt *st;

	if (!r)
		return -ENOMEM;
	r->set = s;
	r->keyed = keyed;
	strncpy(r->name, name, sizeof(r->name) - 1);
	r->leaf = malloc(PAGE);
	r->divider = keyed ? malloc(CELL_MAX) : NULL;
	if (!r->leaf || (keyed && !r->divider)) {
		rows_free(r);
		return -ENOMEM;
	}
	leaf_reset(r);
	st = db_prepare(d, "SELECT rootpage FROM sqlite_schema WHERE name = ?");
	db_bind_text(st, 1, name);
	if (sqlite3_step(st) == SQLITE_ROW)
		r->root = (uint32_t)sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	assert(r->root > 1);
	*s->last = r;
	s->last = &r->next;
	*out = r;
	return 0;
}

/* ---- one row: section 2.1 ---- */

static size_t put_varint(uint8_t *p, uint64_t v)
{
	uint8_t rev[10];
	size_t n = 0;

	if (v < 0x80) {
		*p = (uint8_t)v;
		return 1;
	}
	if (v < 0x4000) {
		p[0] = (uint8_t)(v >> 7 | 0x80);
		p[1] = (uint8_t)(v & 0x7f);
		return 2;
	}
	if (v >> 56) { /* nine bytes, the last one whole */
		p[8] = (uint8_t)v;
		v >>= 8;
		for (int i = 7; i >= 0; i--, v >>= 7)
			p[i] = (uint8_t)(v | 0x80);
		return 9;
	}
	for (; v; v >>= 7)
		rev[n++] = (uint8_t)(v | 0x80);
	rev[0] &= 0x7f;
	for (size_t i = 0; i < n; i++)
		p[i] = rev[n - 1 - i];
	return n;
}

void rows_begin(struct rows *r, int64_t rowid)
{
	r->rowid = rowid ? rowid : r->rowid + 1;
	r->type_n = 0;
	r->body_n = 0;
}

void rows_null(struct rows *r)
{
	r->type[r->type_n++] = 0;
}

void rows_int(struct rows *r, int64_t v)
{
	/* of a number that needs i bytes or less: its serial type and length */
	static const uint8_t types[] = { 1, 1, 2, 3, 4, 5, 5, 6, 6 };
	static const uint8_t sizes[] = { 1, 1, 2, 3, 4, 6, 6, 8, 8 };
	unsigned int bits, n;
	uint64_t be;

	if ((uint64_t)v <= 1) {
		r->type[r->type_n++] = (uint8_t)(8 + v);
		return;
	}
	/* with its sign bit */
	bits = 65 - (unsigned int)__builtin_clzll((uint64_t)(v < 0 ? ~v : v) | 1);
	n = (bits + 7) / 8;
	r->type[r->type_n++] = types[n];
	n = sizes[n];
	be = htobe64((uint64_t)v << (64 - 8 * n));
	memcpy(r->body + r->body_n, &be, 8);
	r->body_n += n;
}

void rows_opt(struct rows *r, int64_t v, int64_t null_value)
{
	if (v == null_value)
		rows_null(r);
	else
		rows_int(r, v);
}

void rows_span(struct rows *r, struct span s)
{
	if (!s.p) {
		rows_null(r);
		return;
	}
	if (s.n > ROWS_TEXT_MAX)
		s.n = ROWS_TEXT_MAX;
	if (r->body_n + s.n > BODY_MAX)
		s.n = 0;
	db_text_fix(s, (char *)r->body + r->body_n);
	r->body_n += s.n;
	r->type_n += put_varint(r->type + r->type_n, 13 + 2 * s.n);
}

void rows_text(struct rows *r, const char *s)
{
	rows_span(r, (struct span){ s, s ? strlen(s) : 0 });
}

/* ---- pages: section 1.6 ---- */

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	v = htobe32(v);
	memcpy(p, &v, 4);
}

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return be32toh(v);
}

/* The head of a page whose cells begin at @top. */
static void page_head(uint8_t *page, uint8_t kind, unsigned int cells, size_t top)
{
	memset(page, 0, 8);
	page[0] = kind;
	put16(page + 3, cells);
	put16(page + 5, (uint32_t)(top & 0xffff));
}

static int failed(struct rows_set *s, int rc)
{
	return rc ? db_failed(s->d, rc) : 0;
}

static int ahead_flush(struct rows_set *s)
{
	int rc = spill_write(s->fd, s->ahead, s->ahead_n * PAGE, (uint64_t)(s->ahead_page - 1) * PAGE);

	s->ahead_n = 0;
	return rc;
}

/* A page more behind the end of the database. */
static int page_append(struct rows_set *s, const uint8_t *page, uint32_t *no)
{
	uint32_t next = s->page_n + 1;
	int rc = 0;

	if (next == LOCK_PAGE)
		next++;
	if (next == UINT32_MAX)
		return -EFBIG;
	if (s->ahead_n == AHEAD || (s->ahead_n && next != s->page_n + 1))
		rc = ahead_flush(s);
	if (rc)
		return rc;
	if (!s->ahead_n)
		s->ahead_page = next;
	memcpy(s->ahead + s->ahead_n++ * PAGE, page, PAGE);
	s->page_n = *no = next;
	return 0;
}

static int level_add(struct level *l, const struct child *c)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		struct child *v = realloc(l->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = *c;
	return 0;
}

/* The leaf is full, or the last one. */
static int leaf_write(struct rows *r)
{
	struct rows_set *s = r->set;
	struct child c = { .u.rowid = r->last };
	uint64_t at;
	int rc;

	page_head(r->leaf, r->keyed ? INDEX_LEAF : TABLE_LEAF, r->cells_n, r->top);
	memset(r->leaf + 8 + 2 * r->cells_n, 0, r->top - 8 - 2 * r->cells_n);
	if (s->paused) {
		rc = page_append(s, r->leaf, &c.page);
	} else {
		rc = s->spill ? 0 : spill_open(&s->spill, db_file(s->d));
		if (!rc)
			rc = spill_put(s->spill, r->leaf, PAGE, &at);
		if (!rc)
			c.page = (uint32_t)(at / PAGE);
		r->waiting++;
	}
	if (!rc && r->keyed && r->divider_n) {
		c.u.cell = r->cells.len;
		c.cell_n = (uint32_t)r->divider_n;
		rc = buf_put(&r->cells, r->divider, r->divider_n);
		r->divider_n = 0;
	}
	if (!rc)
		rc = level_add(&r->leaves, &c);
	leaf_reset(r);
	return rc;
}

static void leaf_add(struct rows *r, const uint8_t *cell, size_t n)
{
	r->top -= n;
	memcpy(r->leaf + r->top, cell, n);
	put16(r->leaf + 8 + 2 * r->cells_n++, (uint32_t)r->top);
	r->room -= n + 2;
}

int rows_end(struct rows *r)
{
	size_t head = r->type_n + (r->type_n < 127 ? 1 : 2), n;
	uint8_t cell[CELL_MAX];
	int rc = 0;

	n = put_varint(cell, head + r->body_n);
	if (!r->keyed)
		n += put_varint(cell + n, (uint64_t)r->rowid);
	n += put_varint(cell + n, head);
	memcpy(cell + n, r->type, r->type_n);
	n += r->type_n;
	memcpy(cell + n, r->body, r->body_n);
	n += r->body_n;
	if (r->keyed && r->divider_n) {
		rc = leaf_write(r); /* with the row between it and this one */
	} else if (n + 2 > r->room && r->keyed) {
		memcpy(r->divider, cell, n);
		r->divider_n = n;
		return 0;
	} else if (n + 2 > r->room) {
		rc = leaf_write(r);
	}
	if (rc)
		return failed(r->set, rc);
	assert(r->keyed || r->rowid > r->last);
	leaf_add(r, cell, n);
	r->last = r->rowid;
	return 0;
}

/* ---- the whole ---- */

int rows_pause(struct db *d)
{
	struct rows_set *s = set_get(d);
	uint8_t head[100];
	int rc;

	if (!s)
		return db_failed(d, -ENOMEM);
	rc = db_let_go(d);
	if (rc)
		return rc;
	s->fd = db_fd(d);
	s->ahead = malloc(AHEAD * PAGE);
	if (!s->ahead)
		return db_failed(d, -ENOMEM);
	if (pread(s->fd, head, sizeof(head), 0) != sizeof(head) ||
	    (head[16] << 8 | head[17]) != PAGE)
		return db_failed(d, -EIO);
	s->page_n = get32(head + 28);
	s->paused = true;
	return 0;
}

/* The last row between two leaves has none behind it: the one before it takes its place. */
static int divider_back(struct rows *r)
{
	uint8_t cell[CELL_MAX];
	size_t n = r->divider_n, before;
	int rc;

	if (!n)
		return 0;
	memcpy(cell, r->divider, n);
	before = get16(r->leaf + 8 + 2 * (r->cells_n - 2));
	r->divider_n = before - r->top;
	memcpy(r->divider, r->leaf + r->top, r->divider_n);
	r->top = before;
	r->cells_n--;
	rc = leaf_write(r);
	if (!rc)
		leaf_add(r, cell, n);
	return rc;
}

/* Leaves of the temporary file go into the database. */
static int leaves_move(struct rows *r)
{
	for (size_t i = 0; i < r->waiting; i++) {
		struct child *c = &r->leaves.v[i];
		const uint8_t *p;
		int rc = spill_get(r->set->spill, (uint64_t)c->page * PAGE, PAGE, &p);

		if (!rc)
			rc = page_append(r->set, p, &c->page);
		if (rc)
			return rc;
	}
	return 0;
}

/* The cell of an inner page for @c. Return: its length. */
static size_t inner_cell(const struct rows *r, const struct child *c, uint8_t *cell)
{
	put32(cell, c->page);
	if (!r->keyed)
		return 4 + put_varint(cell + 4, (uint64_t)c->u.rowid);
	memcpy(cell + 4, r->cells.data + c->u.cell, c->cell_n);
	return 4 + c->cell_n;
}

/* How many of @n children one inner page takes; no page has just one. */
static size_t inner_fill(const struct rows *r, const struct child *v, size_t n)
{
	size_t room = PAGE - 12, k = 0;
	uint8_t cell[CELL_MAX + 4];

	while (k + 1 < n) {
		size_t need = inner_cell(r, &v[k], cell) + 2;

		if (need > room)
			break;
		room -= need;
		k++;
	}
	/* k cells, and the page behind them */
	return k + 1 + 1 == n ? k : k + 1;
}

static void inner_make(const struct rows *r, const struct child *v, size_t n, uint8_t *page)
{
	uint8_t cell[CELL_MAX + 4];
	size_t top = PAGE;

	memset(page, 0, PAGE);
	for (size_t i = 0; i + 1 < n; i++) {
		size_t k = inner_cell(r, &v[i], cell);

		top -= k;
		memcpy(page + top, cell, k);
		put16(page + 12 + 2 * i, (uint32_t)top);
	}
	page_head(page, r->keyed ? INDEX_INNER : TABLE_INNER, (unsigned int)n - 1, top);
	put32(page + 8, v[n - 1].page);
}

static int root_write(const struct rows *r, const uint8_t *page)
{
	return spill_write(r->set->fd, page, PAGE, (uint64_t)(r->root - 1) * PAGE);
}

/* Pages above @low, one level after the other; frees them. */
static int inner_write(struct rows *r, struct level low, uint8_t *page)
{
	struct level up = { 0 };
	int rc = 0;

	while (!rc && inner_fill(r, low.v, low.n) < low.n) {
		for (size_t i = 0, k; i < low.n && !rc; i += k) {
			struct child c;

			k = inner_fill(r, low.v + i, low.n - i);
			inner_make(r, low.v + i, k, page);
			c = low.v[i + k - 1];
			rc = page_append(r->set, page, &c.page);
			if (!rc)
				rc = level_add(&up, &c);
		}
		free(low.v);
		low = up;
		up = (struct level){ 0 };
	}
	if (!rc) {
		inner_make(r, low.v, low.n, page);
		rc = root_write(r, page);
	}
	free(low.v);
	return rc;
}

static int tree_write(struct rows *r)
{
	struct level leaves;
	uint8_t *page;
	int rc = divider_back(r);

	if (rc || !r->cells_n)
		return rc;
	if (!r->leaves.n) {
		page_head(r->leaf, r->keyed ? INDEX_LEAF : TABLE_LEAF, r->cells_n, r->top);
		memset(r->leaf + 8 + 2 * r->cells_n, 0, r->top - 8 - 2 * r->cells_n);
		return root_write(r, r->leaf);
	}
	rc = leaves_move(r);
	if (!rc)
		rc = leaf_write(r);
	if (rc)
		return rc;
	page = malloc(PAGE);
	if (!page)
		return -ENOMEM;
	leaves = r->leaves;
	r->leaves = (struct level){ 0 };
	rc = inner_write(r, leaves, page);
	free(page);
	return rc;
}

/* Section 1.3: number of changes, pages, and that both are of this version. */
static int head_write(const struct rows_set *s)
{
	uint8_t head[100];

	if (pread(s->fd, head, sizeof(head), 0) != sizeof(head))
		return -EIO;
	put32(head + 24, get32(head + 24) + 1);
	put32(head + 28, s->page_n);
	put32(head + 92, get32(head + 24));
	return spill_write(s->fd, head, sizeof(head), 0);
}

int rows_finish(struct db *d)
{
	struct rows_set *s;
	int rc = *db_rows(d) && (*db_rows(d))->paused ? 0 : rows_pause(d);

	if (rc)
		return rc;
	s = *db_rows(d);
	for (struct rows *r = s->first; r && !rc; r = r->next)
		rc = tree_write(r);
	if (!rc)
		rc = ahead_flush(s);
	if (!rc)
		rc = head_write(s);
	s->paused = false;
	set_clear(s);
	return rc ? db_failed(d, rc) : db_go_on(d);
}
