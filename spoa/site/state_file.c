/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What people have set at run time, kept for the next start: HAProxy's server-state-file, which we write ourselves. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spoa-redirect/base/clock.h"
#include "spoa-redirect/site.h"

#define TICK     1.0        /* seconds between two looks */
#define MODE     0640       /* of the file */
#define MAX_SIZE (64 << 20) /* that is read */

struct state_file {
	struct running *running;
	ev_timer timer;
	uint64_t written; /* the sum of what the file holds */
	bool complained;  /* since it was last written */
};

static const struct log *log_of(const struct state_file *file)
{
	return net_settings_log(file->running->site.settings);
}

static const char *path_of(const struct state_file *file)
{
	return net_settings_state_file(file->running->site.settings);
}

/* ---- reading ---- */

/* Of malloc(), which the caller frees. NULL: errno. */
static char *read_whole(int fd, size_t *length)
{
	struct stat status;
	char *text;
	ssize_t got = 0;

	if (fstat(fd, &status) < 0)
		return NULL;
	if (!S_ISREG(status.st_mode) || status.st_size > MAX_SIZE) {
		errno = EINVAL;
		return NULL;
	}
	text = malloc((size_t)status.st_size + 1);
	for (*length = 0; text && *length < (size_t)status.st_size; *length += (size_t)got) {
		got = read(fd, text + *length, (size_t)status.st_size - *length);
		if (got <= 0)
			break;
	}
	return text;
}

static void load_states(struct state_file *file, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text = NULL;
	size_t length = 0;
	unsigned wrong;

	if (fd < 0 && errno == ENOENT) /* the first start */
		return;
	if (fd >= 0)
		text = read_whole(fd, &length);
	if (!text) {
		log_line(log_of(file), LOG_WARNING, "state-file '%s' is ignored: %s", path, strerror(errno));
	} else {
		wrong = fleet_take_states(file->running->site.fleet, slice_of(text, length), clock_now());
		if (wrong > 0)
			log_line(log_of(file), LOG_WARNING, "%s:%u: no line of a server's state, the file is ignored",
				 path, wrong);
	}
	free(text);
	if (fd >= 0)
		close(fd);
}

/* ---- writing ---- */

static bool write_states(const struct state_file *file, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, MODE), error;
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
	bool good;

	if (!out) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	fleet_put_states(file->running->site.fleet, out, NULL, 1, false, clock_now());
	good = fflush(out) == 0 && fdatasync(fd) == 0;
	error = errno;
	good = fclose(out) == 0 && good;
	errno = error;
	return good;
}

/* Whoever reads it finds the whole of the old one or of the new one. */
static bool replace(const struct state_file *file, const char *path)
{
	char fresh[4096];

	if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh)) {
		errno = ENAMETOOLONG;
		return false;
	}
	return write_states(file, fresh) && rename(fresh, path) == 0;
}

void state_file_save(struct state_file *file)
{
	const char *path = path_of(file);
	uint64_t sum = fleet_states_sum(file->running->site.fleet);

	if (!path || sum == file->written)
		return;
	if (replace(file, path)) {
		file->written = sum;
		file->complained = false;
	} else if (!file->complained) {
		log_line(log_of(file), LOG_ERR, "cannot write state-file '%s': %s", path, strerror(errno));
		file->complained = true;
	}
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	state_file_save(timer->data);
}

/* ---- the beginning and the end ---- */

struct state_file *state_file_open(struct running *running, const char *states)
{
	struct state_file *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	file->running = running;
	if (states)
		fleet_take_states(running->site.fleet, slice_of_string(states), clock_now());
	else if (path_of(file))
		load_states(file, path_of(file));
	file->written = fleet_states_sum(running->site.fleet);
	ev_timer_init(&file->timer, on_timer, TICK, TICK);
	file->timer.data = file;
	ev_timer_start(running->loop, &file->timer);
	return file;
}

void state_file_close(struct state_file *file, bool save)
{
	if (!file)
		return;
	if (save)
		state_file_save(file);
	ev_timer_stop(file->running->loop, &file->timer);
	free(file);
}
