/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ORCA load reports: xds/data/orca/v3/orca_load_report.proto, and the encodings of the header that Envoy's documentation
 * of load reporting names.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"

struct orca {
	const struct metric *metric;
	double cpu, application, rate, chosen;
	bool has_cpu, has_application, has_rate, has_chosen;
};

/* prefix: "" or that of a map, "named_metrics." */
static void take_figure(struct orca *orca, struct slice prefix, struct slice name, double value)
{
	static const struct slice cpu = SLICE("cpu_utilization"), application = SLICE("application_utilization"),
				  rate = SLICE("rps_fractional");

	if (orca->metric && orca->metric->name.len == prefix.len + name.len &&
	    slice_starts(orca->metric->name, prefix) && slice_ends(orca->metric->name, name)) {
		orca->chosen = value;
		orca->has_chosen = true;
	}
	if (prefix.len > 0)
		return;
	if (slice_eq(name, cpu)) {
		orca->cpu = value;
		orca->has_cpu = true;
	} else if (slice_eq(name, application)) {
		orca->application = value;
		orca->has_application = true;
	} else if (slice_eq(name, rate)) {
		orca->rate = value;
		orca->has_rate = true;
	}
}

/* What the application says of itself comes before what its machine does; 0 is what protobuf has for "not said". */
static enum load_rejection finish(const struct orca *orca, struct record *record)
{
	*record = (struct record){ 0 };
	if (orca->metric) {
		if (!orca->has_chosen)
			return REPORT_EMPTY;
		metric_take(orca->metric, orca->chosen, record);
	} else if (orca->has_application && orca->application != 0) {
		record_set(record, LOAD_U, &record->report.u, orca->application);
	} else if (orca->has_cpu || orca->has_application) {
		record_set(record, LOAD_U, &record->report.u, orca->has_cpu ? orca->cpu : orca->application);
	}
	if (orca->has_rate && orca->rate != 0) {
		record->rate = orca->rate;
		record->also |= RECORD_RATE;
	}
	return record_check(record);
}

/* ---- TEXT: "cpu_utilization=0.3, named_metrics.queue:4" ---- */

static bool read_text(struct slice text, struct orca *orca)
{
	struct slice pair, name;
	double value;

	while (slice_split(&text, ',', &pair)) {
		uint8_t separator = memchr(pair.ptr, '=', pair.len) ? '=' : ':';

		if (slice_trim(pair).len == 0)
			continue;
		slice_split(&pair, separator, &name);
		if (!pair.ptr || !number_parse(slice_trim(pair), &value))
			return false;
		take_figure(orca, SLICE(""), slice_trim(name), value);
	}
	return true;
}

/* ---- JSON: {"cpu_utilization": 0.3, "named_metrics": {"queue": 4}} ---- */

/* protobuf's own JSON writes lowerCamelCase. */
static struct slice snake_case(const char *name, char room[64])
{
	size_t n = 0;

	for (; *name && n + 2 < 64; name++) {
		if (*name >= 'A' && *name <= 'Z')
			room[n++] = '_';
		room[n++] = (char)lower((uint8_t)*name);
	}
	return slice_of(room, n);
}

static bool read_map(const json_t *map, struct slice prefix, struct orca *orca)
{
	json_t *value;
	const char *key;

	json_object_foreach((json_t *)map, key, value)
	{
		if (!json_is_number(value))
			return false;
		take_figure(orca, prefix, slice_of_string(key), json_number_value(value));
	}
	return true;
}

static bool read_members(json_t *object, struct orca *orca)
{
	char room[64], prefix[66];
	json_t *value;
	const char *key;

	json_object_foreach(object, key, value)
	{
		struct slice name = snake_case(key, room);

		if (json_is_number(value))
			take_figure(orca, SLICE(""), name, json_number_value(value));
		else if (!json_is_object(value))
			return false;
		else if (!read_map(
				 value,
				 slice_of(prefix, (size_t)snprintf(prefix, sizeof(prefix), "%.*s.", SLICE_ARGS(name))),
				 orca))
			return false;
	}
	return true;
}

static bool read_json(struct slice text, struct orca *orca)
{
	json_t *object = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
	bool good = json_is_object(object) && read_members(object, orca);

	json_decref(object);
	return good;
}

/* ---- BIN: base64 of protobuf ---- */

#define MOST_BINARY 4096u

static int base64_value(uint8_t c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* RFC 4648 section 4, with padding or without. */
static bool base64_decode(struct slice text, uint8_t *to, size_t room, size_t *length)
{
	unsigned bits = 0, held = 0;

	while (text.len > 0 && text.ptr[text.len - 1] == '=')
		text.len--;
	*length = 0;
	for (size_t i = 0; i < text.len; i++) {
		int value = base64_value(text.ptr[i]);

		if (value < 0 || *length == room)
			return false;
		held = held << 6 | (unsigned)value;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		to[(*length)++] = (uint8_t)(held >> bits);
		held &= (1u << bits) - 1;
	}
	return bits < 6;
}

enum wire { WIRE_VARINT, WIRE_64, WIRE_BYTES, WIRE_32 = 5 };

struct field {
	uint64_t number;
	enum wire wire;
	uint64_t varint;
	double real;
	struct slice bytes;
};

static bool take_varint(struct slice *in, uint64_t *number)
{
	*number = 0;
	for (unsigned shift = 0; shift < 64 && in->len > 0; shift += 7) {
		uint8_t byte = in->ptr[0];

		*in = slice_from(*in, 1);
		*number |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

static bool take_bytes(struct slice *in, uint64_t n, struct slice *bytes)
{
	if (n > in->len)
		return false;
	*bytes = slice_of(in->ptr, n);
	*in = slice_from(*in, n);
	return true;
}

/* https://protobuf.dev/programming-guides/encoding/ */
static bool take_field(struct slice *in, struct field *field)
{
	uint64_t tag, bits = 0, length;

	*field = (struct field){ 0 };
	if (!take_varint(in, &tag))
		return false;
	field->number = tag >> 3;
	field->wire = (enum wire)(tag & 7);
	switch (field->wire) {
	case WIRE_VARINT:
		return take_varint(in, &field->varint);
	case WIRE_BYTES:
		return take_varint(in, &length) && take_bytes(in, length, &field->bytes);
	case WIRE_32:
		return take_bytes(in, 4, &field->bytes);
	case WIRE_64:
		if (!take_bytes(in, 8, &field->bytes))
			return false;
		for (unsigned i = 0; i < 8; i++)
			bits |= (uint64_t)field->bytes.ptr[i] << 8 * i;
		memcpy(&field->real, &bits, sizeof(bits));
		return true;
	default:
		return false;
	}
}

/* One entry of a map<string, double>. */
static bool take_entry(struct slice in, struct slice prefix, struct orca *orca)
{
	struct field field;
	struct slice key = SLICE("");
	double value = 0;

	while (in.len > 0) {
		if (!take_field(&in, &field))
			return false;
		if (field.number == 1 && field.wire == WIRE_BYTES)
			key = field.bytes;
		if (field.number == 2 && field.wire == WIRE_64)
			value = field.real;
	}
	take_figure(orca, prefix, key, value);
	return true;
}

static bool read_binary(struct slice in, struct orca *orca)
{
	static const struct {
		uint64_t number;
		struct slice name;
		enum wire wire;
	} fields[] = {
		{ 1, SLICE("cpu_utilization"), WIRE_64 },   { 2, SLICE("mem_utilization"), WIRE_64 },
		{ 4, SLICE("request_cost."), WIRE_BYTES },  { 5, SLICE("utilization."), WIRE_BYTES },
		{ 6, SLICE("rps_fractional"), WIRE_64 },    { 7, SLICE("eps"), WIRE_64 },
		{ 8, SLICE("named_metrics."), WIRE_BYTES }, { 9, SLICE("application_utilization"), WIRE_64 },
	};
	struct field field;

	while (in.len > 0) {
		if (!take_field(&in, &field))
			return false;
		for (size_t i = 0; i < COUNT(fields); i++) {
			if (field.number != fields[i].number || field.wire != fields[i].wire)
				continue;
			if (field.wire == WIRE_64)
				take_figure(orca, SLICE(""), fields[i].name, field.real);
			else if (!take_entry(field.bytes, fields[i].name, orca))
				return false;
		}
	}
	return true;
}

/* ---- the header ---- */

enum load_rejection orca_read_binary(struct slice base64, const struct metric *metric, struct record *record)
{
	struct orca orca = { .metric = metric };
	uint8_t bytes[MOST_BINARY];
	size_t length;

	if (!base64_decode(base64, bytes, sizeof(bytes), &length) || !read_binary(slice_of(bytes, length), &orca))
		return REPORT_MALFORMED;
	return finish(&orca, record);
}

enum load_rejection orca_read(struct slice value, const struct metric *metric, struct record *record)
{
	struct orca orca = { .metric = metric };
	struct slice form = slice_of(value.ptr, value.len < 4 ? value.len : 4), rest = slice_trim(slice_from(value, 4));
	bool good;

	if (slice_eq_nocase(form, SLICE("BIN ")))
		return orca_read_binary(rest, metric, record);
	if (slice_eq_nocase(form, SLICE("JSON")))
		good = read_json(rest, &orca);
	else if (slice_eq_nocase(form, SLICE("TEXT")))
		good = read_text(rest, &orca);
	else
		good = read_text(value, &orca);
	return good ? finish(&orca, record) : REPORT_MALFORMED;
}
