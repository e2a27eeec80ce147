/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPOE.txt 3.4: a type, the number of its arguments, a scope, a name, and for set-var a value. */
#include "wire.h"

enum { SET_VAR = 1, UNSET_VAR = 2, SET_VAR_ARGUMENTS = 3, UNSET_VAR_ARGUMENTS = 2 };

bool spop_take_action(struct spop_slice *in, struct spop_action *action)
{
	struct spop_slice rest = *in;
	uint8_t type, arguments, scope;

	if (!spop_take_byte(&rest, &type) || !spop_take_byte(&rest, &arguments) || !spop_take_byte(&rest, &scope))
		return false;
	if (type != SET_VAR && type != UNSET_VAR)
		return false;
	if (arguments != (type == SET_VAR ? SET_VAR_ARGUMENTS : UNSET_VAR_ARGUMENTS) || scope > SPOP_RES)
		return false;
	action->unset = type == UNSET_VAR;
	action->scope = (enum spop_scope)scope;
	action->value.type = SPOP_NULL;
	if (!spop_take_string(&rest, &action->name) || (!action->unset && !spop_take_value(&rest, &action->value)))
		return false;
	*in = rest;
	return true;
}

static void put_head(struct spop_writer *writer, uint8_t type, uint8_t arguments, enum spop_scope scope,
		     struct spop_slice name)
{
	const uint8_t head[] = { type, arguments, (uint8_t)scope };

	if (scope > SPOP_RES)
		writer->full = true;
	wire_put_bytes(writer, head, sizeof(head));
	spop_put_string(writer, name);
}

void spop_put_set_var(struct spop_writer *writer, enum spop_scope scope, struct spop_slice name,
		      const struct spop_value *value)
{
	put_head(writer, SET_VAR, SET_VAR_ARGUMENTS, scope, name);
	spop_put_value(writer, value);
}

void spop_put_unset_var(struct spop_writer *writer, enum spop_scope scope, struct spop_slice name)
{
	put_head(writer, UNSET_VAR, UNSET_VAR_ARGUMENTS, scope, name);
}
