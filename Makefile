# Quokka's build: one file, non-recursive. `make -j2` builds a release; VARIANT=asan|tsan builds beside it.
#
#   all unit-test integration-test mixed-test faults simulation broken-guards check tidy format asan tsan thread-safety fuzz bench install clean
#
# Sources are found by their place and name: x_test.cc is a unit test of its folder, x_fuzz.cc a libFuzzer target, x_bench.cc a benchmark,
# a main.cc a program; all else goes into the library of its top-level folder.

VARIANT ?= release
WERROR ?= 0
PREFIX ?= /usr/local
CLANGXX ?= $(firstword $(notdir $(wildcard /usr/bin/clang++ /usr/bin/clang++-19 /usr/bin/clang++-16 /usr/bin/clang++-14)))
CCACHE ?= $(shell command -v ccache)
FUZZ_SECONDS ?= 60

OUT := build/$(VARIANT)

CPPFLAGS += -I. -DBOOST_ASIO_NO_DEPRECATED -DSPDLOG_COMPILED_LIB -DSPDLOG_FMT_EXTERNAL -DTHREADED
CXXFLAGS += -std=c++20 -pthread -Wall -Wextra -Wconversion -Wshadow $(if $(filter 1-release,$(WERROR)-$(VARIANT)),-Werror)
LIBS := -lboost_program_options -lboost_json -lzookeeper_mt -lisal -lz -lsnappy -llz4 -lzstd -lspdlog -lfmt -lprometheus-cpp-core -lpthread

# Tests are not optimized, which halves the time of their build; what they test is.
TEST_CXXFLAGS :=
ifeq ($(VARIANT),release)
  CXX := g++
  # g++ 14 sees uninitialized values in std::variant where there are none.
  CXXFLAGS += -O2 -g1 -Wno-maybe-uninitialized
  TEST_CXXFLAGS := -O0
else ifeq ($(VARIANT),asan)
  # Of clang, which builds it in half the time; good for the fuzzers too, and locks are analysed by the way.
  CXX := $(CLANGXX)
  CPPFLAGS += -DQUOKKA_SANITIZED
  CXXFLAGS += -O0 -g1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined \
    -Wno-sign-conversion -Wno-unused-lambda-capture -Wthread-safety -Werror=thread-safety
  TEST_CXXFLAGS := -Wno-thread-safety
else ifeq ($(VARIANT),tsan)
  CXX := g++
  CPPFLAGS += -DQUOKKA_SANITIZED
  CXXFLAGS += -O1 -g -fsanitize=thread -Wno-tsan -Wno-maybe-uninitialized
else
  $(error VARIANT is one of release, asan, tsan; not '$(VARIANT)')
endif

SOURCES := $(sort $(shell find protocol coord broker tools integration-tests -name '*.cc' 2>/dev/null))
TESTS := $(filter %_test.cc,$(SOURCES))
FUZZERS := $(filter %_fuzz.cc,$(SOURCES))
BENCHES := $(filter %_bench.cc,$(SOURCES))
MAINS := $(filter %/main.cc,$(SOURCES))
UNIT_TESTS := $(filter-out integration-tests/%,$(TESTS))
PRELOADS := $(filter integration-tests/faults/preload/%,$(SOURCES))
LIBRARY_SOURCES := $(filter-out $(TESTS) $(FUZZERS) $(BENCHES) $(MAINS) $(PRELOADS),$(SOURCES))

objects = $(patsubst %.cc,$(OUT)/%.o,$(1))
library_of = $(call objects,$(filter $(1)/%,$(LIBRARY_SOURCES)))
# Whole archives are not needed: every program is linked from these in the direction of the rooms.
ROOMS := integration-tests tools broker coord protocol
archives = $(foreach r,$(1),$(if $(call library_of,$(r)),$(OUT)/lib$(r).a))
ARCHIVES := $(call archives,tools broker coord protocol)

PROGRAMS := $(patsubst broker/main.cc,$(OUT)/quokka-broker,$(patsubst tools/main.cc,$(OUT)/quokka-tools,$(filter broker/main.cc tools/main.cc,$(MAINS))))

# One test program a folder.
UNIT_FOLDERS := $(sort $(patsubst %/,%,$(dir $(UNIT_TESTS))))
UNIT_PROGRAMS := $(patsubst %,$(OUT)/%/unit-tests,$(UNIT_FOLDERS))
INTEGRATION_FOLDERS := $(sort $(patsubst %/,%,$(dir $(filter integration-tests/%,$(TESTS)))))
INTEGRATION_PROGRAMS := $(patsubst %,$(OUT)/%/integration-tests,$(INTEGRATION_FOLDERS))
FUZZ_PROGRAMS := $(patsubst %.cc,$(OUT)/%,$(FUZZERS))
BENCH_PROGRAMS := $(patsubst %.cc,$(OUT)/%,$(BENCHES))

.PHONY: all unit-programs unit-test integration-programs integration-test mixed-test faults simulation broken-guards check tidy format asan tsan thread-safety fuzz fuzz-programs bench install clean
.DELETE_ON_ERROR:
.SECONDEXPANSION:
.SECONDARY:

all: $(PROGRAMS) $(ARCHIVES)

# What tests include of the libraries is parsed once; with clang, whose warnings do not suffer from it, for all sources. g++ finds x.h.gch
# when x.h is included.
PRECOMPILED := $(OUT)/precompiled.h.gch
include_precompiled := $(if $(findstring clang,$(CXX)),-include-pch $(PRECOMPILED),-include $(PRECOMPILED:.gch=))
export CCACHE_SLOPPINESS := pch_defines,time_macros
# No two precompiled headers are equal; to ccache they are if the text in them is.
export CCACHE_PCH_EXTSUM := 1

$(PRECOMPILED): protocol/base/precompiled.h
	@mkdir -p $(@D)
	@echo "c++   $<"
	@$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(TEST_CXXFLAGS) -MD -MP -MT $@ -MF $(OUT)/precompiled.d -x c++-header $< -o $@
	@$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(TEST_CXXFLAGS) -E -P -x c++-header $< | sha256sum > $@.sum
$(OUT)/%_test.o: %_test.cc $(PRECOMPILED)
	@mkdir -p $(@D)
	@echo "c++   $<"
	@$(CCACHE) $(CXX) $(CPPFLAGS) $(CXXFLAGS) $(TEST_CXXFLAGS) $(include_precompiled) -MMD -MP -c $< -o $@
$(OUT)/%.o: %.cc $(if $(findstring clang,$(CXX)),$(PRECOMPILED))
	@mkdir -p $(@D)
	@echo "c++   $<"
	@$(CCACHE) $(CXX) $(CPPFLAGS) $(CXXFLAGS) $(if $(findstring clang,$(CXX)),$(include_precompiled)) -MMD -MP -c $< -o $@

define archive_rule
$(OUT)/lib$(1).a: $(call library_of,$(1))
	@rm -f $$@
	@ar rcs $$@ $$^
endef
$(foreach r,$(ROOMS),$(eval $(call archive_rule,$(r))))

LINK = @echo "link  $@"; $(CXX) $(CXXFLAGS) $(LDFLAGS) -Wl,--as-needed -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group

$(OUT)/quokka-broker: $(OUT)/broker/main.o $(call archives,broker coord protocol)
	$(LINK) $(LIBS)
$(OUT)/quokka-tools: $(OUT)/tools/main.o $(call archives,tools coord protocol)
	$(LINK) $(LIBS)
$(UNIT_PROGRAMS): $(OUT)/%/unit-tests: $$(call objects,$$(wildcard $$*/*_test.cc)) $(ARCHIVES)
	$(LINK) $(LIBS) -lgtest_main -lgmock -lgtest
$(INTEGRATION_PROGRAMS): $(OUT)/%/integration-tests: $$(call objects,$$(wildcard $$*/*_test.cc)) $(call archives,$(ROOMS))
	$(LINK) $(LIBS) -lrdkafka++ -lrdkafka -lgtest_main -lgmock -lgtest
# Loaded into a broker under test; without sanitizers, which must come first.
PRELOAD_LIBRARIES := $(patsubst integration-tests/faults/preload/%.cc,$(OUT)/integration-tests/faults/%.so,$(PRELOADS))
$(PRELOAD_LIBRARIES): $(OUT)/integration-tests/faults/%.so: integration-tests/faults/preload/%.cc
	@mkdir -p $(@D)
	@echo "link  $@"; $(CXX) -std=c++20 -O1 -Wall -Wextra -Wconversion -Wshadow -shared -fPIC -o $@ $<
$(OUT)/integration-tests/faults/integration-tests: $(PRELOAD_LIBRARIES)
FAULT_MATRIX := $(OUT)/integration-tests/faults/matrix
$(FAULT_MATRIX): $(OUT)/integration-tests/faults/main.o $(call archives,$(ROOMS))
	$(LINK) $(LIBS) -lrdkafka++ -lrdkafka
# A fuzzer needs its own folder's archive and those below, not a build of everything under sanitizers.
rooms_of_protocol := protocol
rooms_of_coord := coord protocol
rooms_of_broker := broker coord protocol
archives_under = $(patsubst %,$(OUT)/lib%.a,$(rooms_of_$(firstword $(subst /, ,$(1)))))
$(FUZZ_PROGRAMS): $(OUT)/%: $(OUT)/%.o $$(call archives_under,$$*)
	$(LINK) $(LIBS) -fsanitize=fuzzer
$(BENCH_PROGRAMS): $(OUT)/%: $(OUT)/%.o $(ARCHIVES)
	$(LINK) $(LIBS) $(BENCH_LIBS) -lbenchmark -lbenchmark_main
$(filter $(OUT)/integration-tests/%,$(BENCH_PROGRAMS)): $(call archives,integration-tests)
$(filter $(OUT)/integration-tests/%,$(BENCH_PROGRAMS)): BENCH_LIBS := -lrdkafka++ -lrdkafka

# `make unit-test ROOM=broker/log` runs the tests of one folder and those below it.
ROOM ?=
unit-programs: $(filter $(OUT)/$(ROOM)%,$(UNIT_PROGRAMS))
unit-test: unit-programs
	@scripts/run-tests.sh -j "$$(nproc)" $(filter $(OUT)/$(ROOM)%,$(UNIT_PROGRAMS))
# Those of mixed/ need a tree of Apache Kafka. `GTEST_FILTER='*Killed*' make mixed-test RUNS=2`: 24 kills, twice 6 in each of two clusters.
MIXED_TEST := $(OUT)/integration-tests/mixed/integration-tests
integration-programs: all $(filter-out $(MIXED_TEST),$(INTEGRATION_PROGRAMS))
integration-test: integration-programs
	@scripts/run-tests.sh $(filter-out $(MIXED_TEST),$(INTEGRATION_PROGRAMS))
mixed-test: all $(MIXED_TEST)
	@if why=$$(integration-tests/mixed/lay-out-kafka.sh build/kafka-tree); \
	then QUOKKA_KAFKA_TREE=$(CURDIR)/build/kafka-tree QUOKKA_RUNS=$(RUNS) scripts/run-tests.sh $(MIXED_TEST); \
	else echo "mixed-test skipped: $$why"; fi

# `make simulation SEEDS=1-100`: whole clusters in one thread, from seeds, in two processes. TRACE=1 tells what happens,
# ONLY=kill causes no other fault, which happen for DISTURBED seconds.
SEEDS ?= 1-20
SIMULATE := $(OUT)/integration-tests/simulation/simulate
SIMULATION := $(OUT)/integration-tests/simulation/main.o $(call objects,$(filter integration-tests/simulation/%,$(LIBRARY_SOURCES)))
$(SIMULATE): $(SIMULATION) $(call archives,tools broker coord protocol)
	$(LINK) $(LIBS)
simulation: $(SIMULATE)
	@$< $(SEEDS) $(if $(TRACE),--trace) $(if $(ONLY),--only $(ONLY)) $(if $(DISTURBED),--seconds $(DISTURBED))

# `make faults RUNS=10 ROWS=F1,F4`: rows of the fault table; the report lies in build/.
RUNS ?= 1
ROWS ?=
faults: all $(FAULT_MATRIX) $(PRELOAD_LIBRARIES)
	$(FAULT_MATRIX) build/faults.md $(RUNS) "$(ROWS)" $(SEED)

# `make broken-guards GUARDS=H14`: each guard of integration-tests/hazards.md is switched off, and the tests it names must turn red. With
# GUARDS="--simulation H4" simulated clusters must find it.
GUARDS ?=
broken-guards: unit-programs $(if $(findstring --simulation,$(GUARDS)),$(SIMULATE))
	@integration-tests/break-guards.py $(GUARDS)

check: export WERROR := 1
check:
	@scripts/check.sh --no-install

tidy:
	@scripts/tidy.sh
format:
	@clang-format -i $$(git ls-files '*.cc' '*.h')

asan tsan:
	+@$(MAKE) --no-print-directory VARIANT=$@ unit-test
# Only clang knows the analysis; nothing is linked.
thread-safety: all
	+@$(MAKE) --no-print-directory thread-safety-objects
# The rest sees no mutex, as the release build's dependencies tell.
WITH_MUTEX = $(shell grep -rl --include='*.d' 'protocol/base/mutex\.h' build/release 2>/dev/null | sed 's,^build/release/\(.*\)\.d$$,\1.cc,')
THREAD_SAFETY = $(patsubst %.cc,build/thread-safety/%.ok,$(filter $(WITH_MUTEX),$(filter-out integration-tests/%,$(LIBRARY_SOURCES) $(MAINS))))
.PHONY: thread-safety-objects
thread-safety-objects: $$(THREAD_SAFETY)
build/thread-safety/%.ok: %.cc
	@mkdir -p $(@D)
	@$(CLANGXX) $(CPPFLAGS) -std=c++20 -pthread -fsyntax-only -Wno-everything -Wthread-safety -Werror=thread-safety -MMD -MP -MF $(@:.ok=.d) -MT $@ $<
	@touch $@

fuzz:
	+@$(MAKE) --no-print-directory VARIANT=asan fuzz-programs
	@scripts/fuzz-seeds.py build/asan/protocol/messages/messages_fuzz_seeds
	@scripts/run-fuzzers.sh $(FUZZ_SECONDS) $(patsubst %.cc,build/asan/%,$(FUZZERS))
fuzz-programs: $(FUZZ_PROGRAMS)

bench: $(BENCH_PROGRAMS)
	@for program in $^; do $$program || exit 1; done

# What belongs to the tree stays there.
USER_SCRIPTS = $(filter-out scripts/check.sh scripts/quickstart.sh scripts/packages.sh scripts/tidy.sh scripts/run-%.sh,$(wildcard scripts/*.sh))
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/quokka/scripts $(DESTDIR)$(PREFIX)/share/quokka/config
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(USER_SCRIPTS) $(DESTDIR)$(PREFIX)/share/quokka/scripts
	install -m 644 config/* $(DESTDIR)$(PREFIX)/share/quokka/config
	ln -sfn scripts $(DESTDIR)$(PREFIX)/share/quokka/bin

clean:
	rm -rf build

-include $(patsubst %.cc,$(OUT)/%.d,$(SOURCES)) $(patsubst %.cc,build/thread-safety/%.d,$(LIBRARY_SOURCES)) $(OUT)/precompiled.d
