/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages as HAProxy sends them, argument by argument. */
#ifndef TESTS_UNIT_MESSAGE_H
#define TESTS_UNIT_MESSAGE_H

#include <string.h>

#include "spop.h"

#define MAX_ARGUMENTS 8u

struct argument {
	const char *name; /* NULL: the last one was before */
	struct spop_value value;
};

#define STRING(name, text)                                                               \
	{                                                                                \
		name,                                                                    \
		{                                                                        \
			SPOP_STRING,                                                     \
			{                                                                \
				.bytes = {(const uint8_t *)("" text), sizeof(text) - 1 } \
			}                                                                \
		}                                                                        \
	}
#define BINARY(name, text)                                                               \
	{                                                                                \
		name,                                                                    \
		{                                                                        \
			SPOP_BINARY,                                                     \
			{                                                                \
				.bytes = {(const uint8_t *)("" text), sizeof(text) - 1 } \
			}                                                                \
		}                                                                        \
	}
#define NUMBER(name, number)                      \
	{                                         \
		name,                             \
		{                                 \
			SPOP_INT64,               \
			{                         \
				.integer = number \
			}                         \
		}                                 \
	}
#define BOOLEAN(name, truth)                     \
	{                                        \
		name,                            \
		{                                \
			SPOP_BOOL,               \
			{                        \
				.boolean = truth \
			}                        \
		}                                \
	}
#define IPV4(name, text)                                              \
	{                                                             \
		name,                                                 \
		{                                                     \
			SPOP_IPV4,                                    \
			{                                             \
				.address = (const uint8_t *)("" text) \
			}                                             \
		}                                                     \
	}
#define IPV6(name, text)                                              \
	{                                                             \
		name,                                                 \
		{                                                     \
			SPOP_IPV6,                                    \
			{                                             \
				.address = (const uint8_t *)("" text) \
			}                                             \
		}                                                     \
	}
#define ABSENT(name)               \
	{                          \
		name,              \
		{                  \
			SPOP_NULL, \
			{          \
				0  \
			}          \
		}                  \
	}
#define METHOD(text) STRING("method", text)
#define PATH(text)   STRING("path", text)
#define QUERY(text)  STRING("query", text)
#define HOST(text)   STRING("host", text)

static inline struct spop_slice name_of(const char *name)
{
	return (struct spop_slice){ (const uint8_t *)name, strlen(name) };
}

static inline unsigned count_arguments(const struct argument *arguments)
{
	unsigned n = 0;

	while (n < MAX_ARGUMENTS && arguments[n].name)
		n++;
	return n;
}

static inline void put_arguments(struct spop_writer *writer, const struct argument *arguments)
{
	for (unsigned i = 0; i < count_arguments(arguments); i++)
		spop_put_argument(writer, name_of(arguments[i].name), &arguments[i].value);
}

static inline void put_request(struct spop_writer *writer, const char *message, const struct argument *arguments)
{
	spop_put_message(writer, name_of(message), count_arguments(arguments));
	put_arguments(writer, arguments);
}

#endif
