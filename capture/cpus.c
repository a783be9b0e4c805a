/* SPDX-License-Identifier: MIT */
#include "cpus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CPUS_MAX 8192

/* A list of sysfs, or what sysconf(3) says instead. */
static void read_list(const char *path, char list[CPUS_TEXT])
{
	FILE *f = fopen(path, "re");

	if (f && fgets(list, CPUS_TEXT, f))
		list[strcspn(list, "\n")] = '\0';
	else
		snprintf(list, CPUS_TEXT, "0-%ld", sysconf(_SC_NPROCESSORS_CONF) - 1);
	if (f)
		fclose(f);
}

int cpus_possible(void)
{
	char list[CPUS_TEXT];
	const char *p;
	int n;

	read_list("/sys/devices/system/cpu/possible", list);
	p = list + strlen(list);
	while (p > list && p[-1] >= '0' && p[-1] <= '9')
		p--;
	n = atoi(p) + 1;
	return n < 1 || n > CPUS_MAX ? 1 : n;
}

void cpus_online(char list[CPUS_TEXT])
{
	read_list("/sys/devices/system/cpu/online", list);
}

bool cpus_in_list(const char *list, int cpu)
{
	const char *p = list;

	while (*p) {
		char *end;
		long a = strtol(p, &end, 10), b = a;

		if (end == p)
			return false;
		if (*end == '-')
			b = strtol(end + 1, &end, 10);
		if (cpu >= a && cpu <= b)
			return true;
		p = *end == ',' ? end + 1 : end;
		if (*end && *end != ',')
			return false;
	}
	return false;
}
