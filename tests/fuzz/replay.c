/* SPDX-License-Identifier: MIT */
/* replay: reads the files that it is given, and all files of folders, with a fuzz target. */
#include "fuzz.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

static int replay_path(const char *path)
{
	struct dirent **names;
	struct span text;
	struct stat st;
	uint8_t *copy;
	int n, files = 0;

	if (stat(path, &st)) {
		perror(path);
		exit(1);
	}
	if (S_ISDIR(st.st_mode)) {
		n = scandir(path, &names, NULL, alphasort);
		for (int i = 0; i < n; i++) {
			char below[4096];

			if (names[i]->d_name[0] != '.') {
				snprintf(below, sizeof(below), "%s/%s", path, names[i]->d_name);
				files += replay_path(below);
			}
			free(names[i]);
		}
		if (n >= 0)
			free(names);
		return files;
	}
	text = fuzz_slurp(path);
	if (!text.p) {
		perror(path);
		exit(1);
	}
	/* of its exact size, so that the sanitizer sees a byte too far; the name tells the file
	 * that crashed */
	copy = malloc(text.n ? text.n : 1);
	HOLDS(copy);
	memcpy(copy, text.p, text.n);
	free((char *)text.p);
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(copy, text.n);
	free(copy);
	return 1;
}

int main(int argc, char **argv)
{
	int files = 0;

	for (int i = 1; i < argc; i++)
		files += replay_path(argv[i]);
	printf("%d\n", files);
	return 0;
}
