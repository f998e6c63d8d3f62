# ecapi: committed rows as IAB ECAPI events.
#
#   make                 build          make COPT=-Werror    as test/check.sh does
#   make install         install        test/check.sh        all tests
#
# The version stands in ecapi.control and nowhere else.

EXTENSION = ecapi
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" ecapi.control)

MODULE_big = ecapi
OBJS = \
	src/ecapi.o \
	src/settings.o \
	src/run_as.o \
	src/shmem.o \
	src/catalog.o \
	src/sqlapi.o \
	src/refuse.o \
	src/destinationapi.o \
	src/failedapi.o \
	src/quotaapi.o \
	src/replayapi.o \
	src/forgetapi.o \
	src/cancelapi.o \
	src/fieldapi.o \
	src/previewapi.o \
	src/preview_event.o \
	src/preview_effect.o \
	src/preview_source.o \
	src/preview_request.o \
	src/preview_tally.o \
	src/tree.o \
	src/number.o \
	src/sql_scope.o \
	src/sql_state.o \
	src/event/value.o \
	src/event/members.o \
	src/event/buffer.o \
	src/event/codes.o \
	src/event/closest.o \
	src/event/synonyms.o \
	src/event/fields.o \
	src/event/scan.o \
	src/event/violation.o \
	src/event/validate.o \
	src/event/normalize.o \
	src/event/unicode.o \
	src/event/phone.o \
	src/event/digest.o \
	src/consent/policy.o \
	src/event/patch.o \
	src/event/embedded.o \
	src/event/person.o \
	src/event/refund.o \
	src/destination/registry.o \
	src/destination/options.o \
	src/destination/option_problem.o \
	src/destination/option_delivery.o \
	src/destination/option_routing.o \
	src/destination/option_reduction.o \
	src/destination/select.o \
	src/destination/country.o \
	src/destination/identifiers.o \
	src/destination/sample.o \
	src/destination/reduce.o \
	src/destination/map.o \
	src/destination/decimal.o \
	src/destination/anonymize.o \
	src/destination/paths.o \
	src/destination/prune.o \
	src/destination/settle.o \
	src/destination/syntax.o \
	src/destination/validator.o \
	src/destination/json.o \
	src/destination/credentials.o \
	src/destination/echo.o \
	src/destination/ecapi.o \
	src/delivery/http.o \
	src/delivery/descriptors.o \
	src/delivery/intake.o \
	src/delivery/peer.o \
	src/delivery/watch.o \
	src/delivery/failure.o \
	src/delivery/sockets.o \
	src/delivery/policy.o \
	src/delivery/bucket.o \
	src/delivery/token.o \
	src/capture/emit.o \
	src/capture/look.o \
	src/capture/need.o \
	src/capture/before.o \
	src/capture/event_name.o \
	src/capture/guard.o \
	src/capture/expression.o \
	src/capture/names.o \
	src/capture/foreign_key.o \
	src/capture/key_path.o \
	src/capture/row_sql.o \
	src/capture/row_sql_check.o \
	src/capture/row_sql_look.o \
	src/capture/row_sql_operator.o \
	src/capture/row_sql_shape.o \
	src/capture/row_sql_superuser.o \
	src/capture/stated_join.o \
	src/capture/superuser_read.o \
	src/capture/suggest.o \
	src/capture/suggest_address.o \
	src/capture/suggest_due.o \
	src/capture/suggest_identity.o \
	src/capture/suggest_join.o \
	src/capture/suggest_person.o \
	src/capture/suggest_rules.o \
	src/capture/suggest_source.o \
	src/capture/suggest_tables.o \
	src/capture/draft.o \
	src/capture/mapping.o \
	src/capture/mention.o \
	src/capture/declared.o \
	src/capture/reads.o \
	src/capture/track.o \
	src/capture/follow.o \
	src/capture/program.o \
	src/capture/program_cache.o \
	src/capture/context.o \
	src/capture/fragment.o \
	src/capture/json_text.o \
	src/capture/text_size.o \
	src/capture/rows.o \
	src/capture/find.o \
	src/capture/history.o \
	src/capture/reconcile.o \
	src/capture/reconcile_sql.o \
	src/capture/progress.o \
	src/capture/throttle.o \
	src/capture/backfill.o \
	src/capture/recapture.o \
	src/capture/moved.o src/capture/pending.o \
	src/capture/trigger.o \
	src/capture/literal.o \
	src/capture/datum_type.o \
	src/capture/datum.o \
	src/capture/equality.o \
	src/capture/fits.o \
	src/capture/image.o \
	src/stats/left_out.o \
	src/enrich/filter.o src/enrich/filter_check.o src/enrich/filter_bound.o src/enrich/filter_column.o \
	src/enrich/declared.o src/enrich/declared_names.o \
	src/enrich/held.o \
	src/enrich/user_sql.o \
	src/enrich/advisory.o \
	src/enrich/event_row.o \
	src/enrich/call.o \
	src/enrich/columns.o \
	src/enrich/enrichment.o \
	src/enrich/resolve.o \
	src/outbox/append.o \
	src/outbox/limit.o \
	src/outbox/holders.o \
	src/outbox/quota.o \
	src/outbox/pins.o src/outbox/ring.o \
	src/outbox/snapshot.o \
	src/outbox/window.o \
	src/outbox/cursor.o \
	src/outbox/guard.o \
	src/outbox/rotation.o \
	src/outbox/record.o \
	src/outbox/failed.o \
	src/outbox/forgotten.o \
	src/outbox/erasure.o \
	src/outbox/replay.o \
	src/outbox/cancellation.o \
	src/outbox/stops.o \
	src/outbox/seqs.o \
	src/outbox/event_id.o \
	src/worker/launcher.o \
	src/worker/worker.o \
	src/worker/destinations.o \
	src/worker/reload.o \
	src/worker/state.o \
	src/worker/tick.o \
	src/worker/share.o \
	src/worker/pages.o \
	src/worker/take_back.o \
	src/worker/tally.o \
	src/worker/view.o \
	src/worker/read.o \
	src/worker/prepare.o \
	src/worker/prepare_failing.o \
	src/worker/prepare_lookup.o \
	src/worker/stretch.o \
	src/worker/gather.o \
	src/worker/pipeline.o \
	src/worker/halving.o \
	src/worker/failed.o \
	src/worker/erased.o \
	src/worker/replay.o \
	src/worker/stops.o \
	src/worker/cancel.o \
	src/worker/ledger.o \
	src/worker/give_up.o \
	src/worker/journal.o

DATA = $(wildcard sql/ecapi--*.sql)
PGFILEDESC = "ecapi - committed rows as IAB ECAPI events"

PACKAGES = libcurl json-c libcrypto icu-uc
PG_CPPFLAGS = -I$(srcdir)/src $(shell pkg-config --cflags $(PACKAGES)) \
	-DECAPI_VERSION='"$(EXTVERSION)"'
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -MMD -MP
SHLIB_LINK = $(shell pkg-config --libs $(PACKAGES))

REGRESS = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test
ISOLATION = $(patsubst test/specs/%.spec,%,$(sort $(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --outputdir=.
PROVE_TESTS = test/t/*.pl
TAP_TESTS = 1

EXTRA_CLEAN = $(OBJS:.o=.d) $(OBJS:.o=.bc)

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# -MMD above: every object knows the headers it was built from.
-include $(OBJS:.o=.d)
