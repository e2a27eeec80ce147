# spoa-redirect: `make help` lists the targets; V=1 shows the commands, CC=, CFLAGS=, LDFLAGS= are yours.

VERSION = 0.1.0
DATE    = 2026/11/24
PREFIX  = /usr/local
DESTDIR =
BINDIR  = $(PREFIX)/sbin
LIBDIR  = $(PREFIX)/lib
INCDIR  = $(PREFIX)/include
MANDIR  = $(PREFIX)/share/man
DOCDIR  = $(PREFIX)/share/doc/spoa-redirect
UNITDIR = $(PREFIX)/lib/systemd/system
SYSDIR  = $(PREFIX)/lib
UNITS   = spoa-redirect.service spoa-redirect.socket report-load-agent.service report-load-agent.socket report-load-push.service
BASHDIR = $(PREFIX)/share/bash-completion/completions

ifeq ($(origin CC),default)
CC = gcc
endif

# make SAN=asan|tsan builds with sanitizers, elsewhere and under another name
SAN =
B   = .build/$(or $(SAN),release)

CFLAGS   = -O2 -g
WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla $(WERROR)
WERROR   = $(if $(CI),-Werror)
# -fno-math-errno, -fno-trapping-math: several roots at a time
# -fno-plt: what is called of the C library is called at once, a tenth less for a decision
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -fno-strict-aliasing -fno-math-errno -fno-trapping-math -fno-plt -pthread -Iinclude $(WARNINGS) $(SAN_FLAGS_$(SAN)) $(CFLAGS) $(if $(LTO),-ffat-lto-objects $(LTO))
# gcc looks across files where the agent is linked, a sixth less for a decision; what tests take is as ever
LTO = $(if $(SAN),,$(if $(findstring gcc version,$(shell $(CC) -v 2>&1)),-flto=auto))
SAN_FLAGS_asan = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SAN_FLAGS_tsan = -fsanitize=thread -fno-omit-frame-pointer
LIBS = -lev -lgnutls -ljansson -lmicrohttpd -lpcre2-8 -lm -pthread

BUILD_OPTIONS = CC=$(CC), CFLAGS=$(CFLAGS)$(if $(SAN),$(comma) SAN=$(SAN))
comma := ,

ROOMS    = base spop config rules fleet select load answer net site admin cli
SOURCES := $(foreach room,$(ROOMS),$(sort $(wildcard spoa/$(room)/*.c)))
HEADERS := $(sort $(wildcard include/*.h include/spoa-redirect/*.h include/spoa-redirect/*/*.h spoa/*/*.h))
OBJECTS  = $(SOURCES:%.c=$B/%.o)
SPOP     = $(filter $B/spoa/spop/%,$(OBJECTS))
LIBRARY  = $B/libspop.a $B/libspop.so $B/libspop.pc
PROGRAM  = $(if $(SAN),$B/spoa-redirect-$(SAN),spoa-redirect)

TESTS   := $(sort $(wildcard tests/unit/*/*_test.c))
TEST_PROGRAMS = $(TESTS:%.c=$B/%)
FUZZERS := $(sort $(wildcard tests/fuzz/*_fuzz.c))

ifeq ($(V),1)
Q =
say = @:
else
Q = @
say = @printf '  %-7s %s\n'
endif
MAKEFLAGS += --no-print-directory

all: $(PROGRAM) $(if $(SAN),,$(LIBRARY)) ## the agent, and libspop static and shared

$(PROGRAM): $B/spoa/main.o $(OBJECTS)
	$(say) LD $@
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$B/%.o: %.c $B/flags
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# strict where bytes from outside become numbers
$B/spoa/spop/%.o $B/spoa/config/%.o: WARNINGS += -Wconversion
$B/spoa/cli/cli.o: ALL_CFLAGS += -DSPOA_VERSION='"$(VERSION)"' -DSPOA_DATE='"$(DATE)"' -DSPOA_BUILD='"$(BUILD_OPTIONS)"'

# what is served as it is; the linker is to leave its symbols alone
$B/spoa/admin/files.o: private LTO =
$B/spoa/admin/files.o: spoa/admin/openapi.json $(wildcard spoa/admin/page/*)

# other flags, another build
$B/flags: .FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(filter-out -Werror,$(ALL_CFLAGS)) $(VERSION)' >$@.new; cmp -s $@.new $@ || mv $@.new $@

# ---- libspop ----

# of objects of its own: other compilers link it, into shared libraries too, that shall not show what is not in its header
$B/libspop.a: $(SPOP:$B/%=$B/pic/%)
	$(say) AR $@
	$(Q)rm -f $@ && ar rcs $@ $^

$B/pic/%.o: private LTO =
$B/pic/%.o: %.c $B/flags
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(ALL_CFLAGS) -Wconversion -fPIC -fvisibility=hidden -MMD -MP -c -o $@ $<

$B/libspop.so: $(SPOP:$B/%=$B/pic/%)
	$(say) LD $@
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -shared -Wl,-soname,libspop.so.0 -o $@ $^

# anew each time: PREFIX may be another than it was
$B/libspop.pc: spoa/spop/libspop.pc.in .FORCE
	@mkdir -p $(@D)
	@sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|' $< >$@

# ---- using it ----

install-libspop: $(LIBRARY) ## the library alone, into DESTDIR and PREFIX
	install -d $(addprefix $(DESTDIR),$(LIBDIR)/pkgconfig $(INCDIR) $(MANDIR)/man3)
	install -m 644 $B/libspop.a $(DESTDIR)$(LIBDIR)/
	install -m 755 $B/libspop.so $(DESTDIR)$(LIBDIR)/libspop.so.$(VERSION)
	ln -sf libspop.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libspop.so.0
	ln -sf libspop.so.0 $(DESTDIR)$(LIBDIR)/libspop.so
	install -m 644 $B/libspop.pc $(DESTDIR)$(LIBDIR)/pkgconfig/
	install -m 644 include/spop.h $(DESTDIR)$(INCDIR)/
	install -m 644 spoa/spop/libspop.3 $(DESTDIR)$(MANDIR)/man3/
	@# the loader has to be told; who installs elsewhere, or into a package, does that himself
	@[ -n '$(DESTDIR)' ] || ldconfig 2>/dev/null || :

install: all install-libspop ## all of it
	install -d $(addprefix $(DESTDIR),$(BINDIR) $(MANDIR)/man5 $(MANDIR)/man8 $(DOCDIR))
	install -d $(addprefix $(DESTDIR),$(UNITDIR) $(SYSDIR)/sysusers.d $(SYSDIR)/tmpfiles.d $(BASHDIR))
	install -m 755 spoa-redirect scripts/report-load $(DESTDIR)$(BINDIR)/
	install -m 644 spoa/config/spoa-redirect.cfg.5 $(DESTDIR)$(MANDIR)/man5/
	sed 's|/usr/local/sbin|$(BINDIR)|; s|/usr/local/share/doc/spoa-redirect|$(DOCDIR)|' spoa/cli/spoa-redirect.8 >$(DESTDIR)$(MANDIR)/man8/spoa-redirect.8
	chmod 644 $(DESTDIR)$(MANDIR)/man8/spoa-redirect.8
	sed 's|/usr/local/sbin|$(BINDIR)|' scripts/report-load.8 >$(DESTDIR)$(MANDIR)/man8/report-load.8
	chmod 644 $(DESTDIR)$(MANDIR)/man8/report-load.8
	cp -R haproxy-conf scripts/monitoring $(DESTDIR)$(DOCDIR)/
	install -m 644 spoa/cli/spoa-redirect.bash $(DESTDIR)$(BASHDIR)/spoa-redirect
	for unit in $(UNITS); do \
		sed 's|/usr/local/sbin|$(BINDIR)|' scripts/systemd/$$unit >$(DESTDIR)$(UNITDIR)/$$unit && \
		chmod 644 $(DESTDIR)$(UNITDIR)/$$unit || exit 1; \
	done
	install -m 644 scripts/systemd/spoa-redirect.sysusers $(DESTDIR)$(SYSDIR)/sysusers.d/spoa-redirect.conf
	install -m 644 scripts/systemd/spoa-redirect.tmpfiles $(DESTDIR)$(SYSDIR)/tmpfiles.d/spoa-redirect.conf

uninstall: ## what install put there
	rm -f $(addprefix $(DESTDIR),$(BINDIR)/spoa-redirect $(BINDIR)/report-load $(LIBDIR)/libspop.a $(LIBDIR)/libspop.so $(LIBDIR)/libspop.so.0)
	rm -f $(addprefix $(DESTDIR),$(LIBDIR)/libspop.so.$(VERSION) $(LIBDIR)/pkgconfig/libspop.pc $(INCDIR)/spop.h)
	rm -f $(addprefix $(DESTDIR)$(MANDIR)/,man3/libspop.3 man5/spoa-redirect.cfg.5 man8/spoa-redirect.8 man8/report-load.8)
	rm -f $(DESTDIR)$(BASHDIR)/spoa-redirect
	rm -f $(addprefix $(DESTDIR)$(UNITDIR)/,$(UNITS))
	rm -f $(addprefix $(DESTDIR)$(SYSDIR)/,sysusers.d/spoa-redirect.conf tmpfiles.d/spoa-redirect.conf)
	rm -rf $(DESTDIR)$(DOCDIR)

demo: ## real HAProxy, the agent and three origins, live; DEMO="--seconds 20 --check" ends by itself
	@scripts/deps demo
	@$(MAKE) all
	@scripts/demo $(DEMO)

deb: ## Debian's packages of what is committed, into .build/deb
	@scripts/deps deb
	@scripts/debian/build

clean: ## all that was built
	rm -rf .build spoa-redirect compile_commands.json

# ---- testing it ----

$B/tests/unit/%: TEST_LIBS = -lcmocka
$B/tests/unit/%: NO_LTO = -fno-lto

# what faults_test.c has fail
WRAPPED = accept4 read recv readv send malloc calloc realloc
$B/tests/unit/net/faults_test: TEST_LIBS = $(WRAPPED:%=-Wl,--wrap=%) -lcmocka

# what bounds_test.c measures
MEASURED = recv readv send malloc calloc realloc free
$B/tests/unit/net/bounds_test: TEST_LIBS = $(MEASURED:%=-Wl,--wrap=%) -lcmocka

# the clocks of regexes_test.c
$B/tests/unit/rules/regexes_test: TEST_LIBS = -Wl,--wrap=clock_gettime -lcmocka

# the resolver of names_test.c
$B/tests/unit/load/names_test: TEST_LIBS = -Wl,--wrap=getaddrinfo -Wl,--wrap=freeaddrinfo -lcmocka

$B/tests/%: tests/%.c $(OBJECTS)
	@mkdir -p $(@D)
	$(say) LD $@
	$(Q)$(CC) $(ALL_CFLAGS) $(NO_LTO) $(TEST_CFLAGS) $(LDFLAGS) -I. -MMD -MP -o $@ $< $(filter %.o,$^) $(TEST_LIBS) $(LIBS)

BENCHES = $B/tests/bench/servers $B/tests/bench/decide $B/tests/bench/spopbench $B/tests/bench/canned $B/tests/bench/calls.so

$B/tests/bench/calls.so: tests/bench/calls.c
	@mkdir -p $(@D)
	$(say) LD $@
	$(Q)$(CC) $(ALL_CFLAGS) -shared -fPIC -o $@ $< -ldl

$B/tests/bench/spopbench: $(addprefix $B/tests/bench/,drive.o payload.o)
$B/tests/bench/decide: $B/tests/bench/payload.o
$B/tests/bench/servers: $(addprefix $B/tests/bench/,load.o queue.o)

SIMULATED = $(patsubst %.c,$B/%.o,$(filter-out tests/sim/simulate.c,$(sort $(wildcard tests/sim/*.c)))) $B/tests/bench/queue.o

$B/tests/sim/%.o: ALL_CFLAGS += -I.
$B/tests/sim/simulate: NO_LTO = -fno-lto
$B/tests/sim/simulate $B/tests/unit/sim/world_test: $(SIMULATED)

sim: $B/tests/sim/simulate ## how least-load does in a simulated fleet, beside other policies; SIM=quick
	@tests/sim/sim $(SIM)

bench-rules: all $(BENCHES) ## many patterns against few, and HAProxy with the same; BENCH="--rounds 5"
	@scripts/deps bench
	@tests/bench/rules $(BENCH)

bench-fleet: all $B/tests/bench/servers ## choosing among 50 servers, beside HAProxy's own balancing; FLEET="--rounds 5"
	@scripts/deps bench
	@tests/bench/fleet $(FLEET)

bench-checks: all $(BENCHES) ## 2,000 servers checked and polled each second, 10,000 that report; CHECKS="--servers 500"
	@scripts/deps bench
	@tests/bench/checks $(CHECKS)

bench: all $(BENCHES) ## the agent beside the least that an agent can do; BENCH="--rounds 5"
	@scripts/deps bench
	@tests/bench/bench $(BENCH)

$B/tests/unit/rules/naive_test: $(addprefix $B/tests/unit/rules/naive,.o _make.o)

unit: $(TEST_PROGRAMS) ## unit tests of this build
	@scripts/unit $(if $(UNIT),--with '$(UNIT)') $(TEST_PROGRAMS)

scenarios: $(PROGRAM) ## with every HAProxy version; SCENARIOS="redirect/suffix --only 2.6"
	@scripts/scenarios --agent $(PROGRAM) $(SCENARIOS)

check: ## everything that has to pass, with all its own set-up
	@scripts/deps check
	@scripts/check

check-long: ## check, and what takes long
	@scripts/deps check
	@scripts/check --long

lint: ## style, layering, headers, manuals, cppcheck
	@scripts/lint

format: ## clang-format over all sources
	clang-format -i $(SOURCES) $(HEADERS) spoa/main.c

fuzz: ## FUZZ_SECONDS=60 for each target
	@scripts/fuzz $(or $(FUZZ_SECONDS),60)

compile_commands.json: Makefile $(SOURCES) ## for clangd and clang-tidy
	@for file in spoa/main.c $(SOURCES); do \
		printf '{ "directory": "%s", "file": "%s", "command": "%s -c %s" },\n' \
			'$(CURDIR)' $$file '$(CC) $(ALL_CFLAGS)' $$file; \
	done | sed '1s/^/[\n/; $$s/,$$/\n]/' >$@

help: ## this list
	@sed -n 's/^\([a-z_.-]*\):.*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 26

-include $(shell test -d $B && find $B -name '*.d')

.FORCE:
.PHONY: .FORCE all install install-libspop uninstall demo deb clean unit scenarios check check-long lint format fuzz sim bench bench-checks bench-rules bench-fleet help
.DELETE_ON_ERROR:
