/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datagram.h"

static struct slice without_line_end(struct slice bytes)
{
	while (bytes.len > 0 && (bytes.ptr[bytes.len - 1] == '\n' || bytes.ptr[bytes.len - 1] == '\r'))
		bytes.len--;
	return bytes;
}

/* What is behind the last blank, which goes. */
static bool split_last(struct slice *rest, struct slice *last)
{
	const uint8_t *blank = rest->len > 0 ? memrchr(rest->ptr, ' ', rest->len) : NULL;
	size_t before;

	if (!blank)
		return false;
	before = (size_t)(blank - rest->ptr);
	*last = slice_from(*rest, before + 1);
	rest->len = before;
	return true;
}

bool datagram_read(struct slice bytes, struct datagram *datagram)
{
	struct slice rest = without_line_end(bytes), version, name, seq;

	if (!split_last(&rest, &datagram->signature))
		return false;
	datagram->text = rest;
	if (!slice_split(&rest, ' ', &version) || !slice_eq(version, SLICE("v1")) || !rest.ptr)
		return false;
	if (!slice_split(&rest, ' ', &name) || !rest.ptr || !slice_split(&rest, ' ', &seq) || !rest.ptr)
		return false;
	datagram->json = rest;
	if (!slice_to_natural(seq, UINT64_MAX, &datagram->seq) || datagram->seq == 0)
		return false;
	if (!slice_split(&name, '/', &datagram->backend))
		return false;
	datagram->server = name;
	return datagram->backend.len > 0 && name.ptr && name.len > 0;
}
