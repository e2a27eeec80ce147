/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPOE.txt 3.2.6: a NOTIFY's messages, each a name and the number of its arguments, see value.c. */
#include "wire.h"

#define MAX_ARGUMENTS 255u

bool spop_take_message(struct spop_slice *in, struct spop_message *message)
{
	struct spop_slice rest = *in;
	uint8_t arguments;

	if (!wire_take_string(&rest, &message->name) || !wire_take_byte(&rest, &arguments))
		return false;
	message->arguments = arguments;
	*in = rest;
	return true;
}

/* HAProxy writes the count modulo 256 and then all of them, which nobody can read: here that is no frame. */
void spop_put_message(struct spop_writer *writer, struct spop_slice name, unsigned arguments)
{
	if (arguments > MAX_ARGUMENTS)
		writer->full = true;
	spop_put_string(writer, name);
	spop_put_byte(writer, (uint8_t)arguments);
}
