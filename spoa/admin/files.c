/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is served as it lies beside this file: the assembler puts it into the program. The Makefile knows of them. */
#include "files.h"

#include "web.h"

#define FILE_IN_PROGRAM(name, path)                                 \
	extern const uint8_t file_##name[];                         \
	extern const uint64_t file_##name##_size;                   \
	__asm__(".pushsection .rodata\n"                            \
		".global file_" #name "\n"                          \
		"file_" #name ": .incbin \"spoa/admin/" path "\"\n" \
		"1: .balign 8\n"                                    \
		".global file_" #name "_size\n"                     \
		"file_" #name "_size: .quad 1b - file_" #name "\n"  \
		".popsection\n")

#define PUT_FILE(name) fwrite(file_##name, 1, (size_t)file_##name##_size, web->out)

FILE_IN_PROGRAM(openapi, "openapi.json");
FILE_IN_PROGRAM(html, "page/page.html");
FILE_IN_PROGRAM(css, "page/page.css");
FILE_IN_PROGRAM(js, "page/page.js");
FILE_IN_PROGRAM(icon, "page/icon.svg");

struct slice file_page(void)
{
	return slice_of(file_html, (size_t)file_html_size);
}

void api_openapi(struct web *web)
{
	PUT_FILE(openapi);
}

void page_css(struct web *web)
{
	PUT_FILE(css);
}

void page_js(struct web *web)
{
	PUT_FILE(js);
}

void page_icon(struct web *web)
{
	PUT_FILE(icon);
}
