/* SPDX-License-Identifier: MIT */
#include "record.h"

int main(int argc, char **argv)
{
	return record_main(argc, argv);
}
