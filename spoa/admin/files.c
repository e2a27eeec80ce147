/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is served as it lies beside this file: the assembler puts it into the program. The Makefile knows of them. */
#include "web.h"

#define FILE_IN_PROGRAM(name, path)                                 \
	extern const uint8_t file_##name[], file_##name##_end[];    \
	__asm__(".pushsection .rodata\n"                            \
		".global file_" #name "\n"                          \
		".global file_" #name "_end\n"                      \
		"file_" #name ": .incbin \"spoa/admin/" path "\"\n" \
		"file_" #name "_end:\n"                             \
		".popsection\n")

FILE_IN_PROGRAM(openapi, "openapi.json");

static void put(struct web *web, const uint8_t *from, const uint8_t *end)
{
	fwrite(from, 1, (size_t)(end - from), web->out);
}

void api_openapi(struct web *web)
{
	put(web, file_openapi, file_openapi_end);
}
