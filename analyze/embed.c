/* SPDX-License-Identifier: MIT */
#include "embed.h"

#include <assert.h>
#include <string.h>

#include "embed_data.h"

const struct embed *embed_at(size_t i)
{
	return i < ARRAY_SIZE(embed_table) ? &embed_table[i] : NULL;
}

struct span embed_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(embed_table); i++)
		if (!strcmp(embed_table[i].name, name))
			return (struct span){ (const char *)embed_table[i].data, embed_table[i].size };
	assert(!"embedded file is missing");
	return (struct span){ "", 0 };
}

bool embed_row(struct span *text, struct span *field, size_t n)
{
	struct span line, more;
	size_t k = 0;

	do {
		if (!span_line(text, &line))
			return false;
	} while (!line.n || line.p[0] == '#');
	while (k < n && span_field(&line, '\t', &field[k]))
		k++;
	assert(k == n && !span_field(&line, '\t', &more));
	(void)more;
	return true;
}
