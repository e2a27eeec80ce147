/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Something that nobody can come to any more, but that a worker may be looking at still: freed once none does. */
#ifndef SPOA_REDIRECT_BASE_RETIRED_H
#define SPOA_REDIRECT_BASE_RETIRED_H

/* The first member of what is retired, so that nothing has to be allocated in order to free something. */
struct retired {
	struct retired *next;
	void (*release)(struct retired *retired);
	unsigned mark; /* of whoever waits */
};

/* Adds to a list of what is to be given to grace_after(). */
static inline void retired_add(struct retired **list, struct retired *retired, void (*release)(struct retired *retired))
{
	retired->release = release;
	retired->next = *list;
	*list = retired;
}

/* Where no other thread is, or none any more. */
static inline void retired_free(struct retired *list)
{
	while (list) {
		struct retired *next = list->next;

		list->release(list);
		list = next;
	}
}

#endif
