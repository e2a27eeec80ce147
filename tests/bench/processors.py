"""Who runs where, and before whom: what a process of a bench does before it begins, for `preexec_fn`."""
import os


def stay_on(cpu):
    """On the first processor that there is (0), or the last (1)."""
    there = sorted(os.sched_getaffinity(0))
    return lambda: os.sched_setaffinity(0, {there[-cpu]})


def go_first():
    """Before all else there, the kernel's own threads too, which take milliseconds each second. False: it is not allowed."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        return False
    return True


def may_go_first():
    before = os.sched_getscheduler(0)
    allowed = go_first()
    os.sched_setscheduler(0, before, os.sched_param(0))
    return allowed


def first_on(cpu):
    """Both. Where there is one processor nobody goes first: who never sleeps would keep all others from it."""
    stay, several = stay_on(cpu), len(os.sched_getaffinity(0)) > 1

    def begin():
        stay()
        if several:
            go_first()
    return begin
