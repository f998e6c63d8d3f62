# ecapi: committed rows as IAB ECAPI events.
#
#   make                 build          make COPT=-Werror    as test/check.sh does
#   make install         install        test/check.sh        all tests
#   make installcheck    the regress, isolation and TAP tests, as PGXS has them: the
#                        first two on a server of yours (test/installcheck.sh says
#                        what it needs)
#
# The version stands in ecapi.control and nowhere else.

EXTENSION = ecapi
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" $(srcdir)/ecapi.control)

MODULE_big = ecapi
OBJS = \
	src/ecapi.o \
	src/settings.o \
	src/base/run_as.o \
	src/base/identifier.o \
	src/base/sql_rules.o \
	src/base/sql_version.o \
	src/base/server_fault.o \
	src/shmem/shmem.o src/shmem/wake.o src/shmem/workers.o \
	src/base/catalog.o \
	src/base/statement.o \
	src/api/sqlapi.o \
	src/api/versionapi.o \
	src/api/workerapi.o \
	src/base/refuse.o \
	src/base/argument.o \
	src/base/citus.o \
	src/base/result.o \
	src/base/subtransaction.o \
	src/api/destinationapi.o \
	src/api/failedapi.o \
	src/api/quotaapi.o \
	src/api/replayapi.o \
	src/api/forgetapi.o \
	src/api/cancelapi.o \
	src/api/amendapi.o \
	src/api/fieldapi.o \
	src/api/formatapi.o \
	src/api/validateapi.o \
	src/api/gppapi.o \
	src/api/previewapi.o \
	src/api/notcarriedapi.o \
	src/api/nodeapi.o \
	src/api/statapi.o \
	src/api/matchapi.o \
	src/api/progressapi.o \
	src/api/metricsapi.o \
	src/api/valueapi.o \
	src/preview/match_advice.o \
	src/preview/match_quality.o \
	src/preview/preview_event.o \
	src/preview/preview_effect.o \
	src/preview/preview_source.o \
	src/preview/preview_page.o \
	src/preview/quantiles.o \
	src/preview/eligibility.o \
	src/preview/preview_request.o \
	src/preview/preview_tally.o \
	src/base/hold.o \
	src/base/tree.o \
	src/base/number.o \
	src/base/sql_scope.o \
	src/base/sql_state.o \
	src/event/base64.o \
	src/event/value.o \
	src/event/members.o \
	src/event/buffer.o \
	src/event/codes.o \
	src/event/closest.o \
	src/event/event_type.o \
	src/event/fields.o \
	src/event/field_set.o \
	src/event/ext_member.o \
	src/event/click_ids.o \
	src/event/scan.o \
	src/event/violation.o \
	src/event/validate.o \
	src/event/validate_scalar.o \
	src/event/normalize.o \
	src/event/normalize_platform.o \
	src/event/normalize_strict.o \
	src/event/mailbox.o \
	src/event/unicode.o \
	src/event/phone.o \
	src/event/digest.o \
	src/consent/bits.o \
	src/consent/gpp.o \
	src/consent/us.o \
	src/consent/tcf.o \
	src/consent/reason.o \
	src/consent/ruling.o \
	src/consent/decide.o \
	src/consent/decide_sensitive.o \
	src/consent/decide_us.o \
	src/consent/decide_tcf.o \
	src/consent/gpp_json.o \
	src/consent/policy.o \
	src/event/patch.o \
	src/event/embedded.o \
	src/event/person.o \
	src/event/refund.o \
	src/event/amend.o \
	src/event/amended.o \
	src/event/stored.o \
	src/destination/registry.o \
	src/destination/options.o \
	src/destination/format.o \
	src/destination/option_problem.o \
	src/destination/option_kind.o \
	src/destination/option_own.o \
	src/destination/option_delivery.o \
	src/destination/option_routing.o \
	src/destination/option_consent.o \
	src/destination/option_reduction.o \
	src/destination/select.o \
	src/destination/body.o \
	src/destination/carried.o \
	src/destination/country.o \
	src/destination/identifiers.o \
	src/destination/identity.o \
	src/destination/sample.o \
	src/destination/reduce.o \
	src/destination/transform.o \
	src/destination/map.o \
	src/destination/decimal.o \
	src/destination/anonymize.o \
	src/destination/paths.o \
	src/destination/prune.o \
	src/destination/by_country.o \
	src/destination/syntax.o \
	src/destination/validator.o \
	src/event/json.o \
	src/event/json_scan.o \
	src/destination/credentials.o \
	src/destination/outgoing.o \
	src/destination/judge.o \
	src/destination/dedupe.o \
	src/destination/writer.o \
	src/destination/member.o \
	src/destination/items.o \
	src/destination/facts.o \
	src/destination/app_data.o \
	src/destination/match_keys.o \
	src/destination/matched.o \
	src/destination/percent.o \
	src/destination/instant.o \
	src/destination/webhook_key.o \
	src/destination/echo.o \
	src/destination/format_ecapi.o \
	src/destination/format_google.o \
	src/destination/format_microsoft.o \
	src/destination/microsoft_event.o \
	src/destination/microsoft_answer.o \
	src/destination/format_linkedin.o \
	src/destination/linkedin_event.o \
	src/destination/linkedin_answer.o \
	src/destination/google_options.o \
	src/destination/google_event.o \
	src/destination/google_user.o \
	src/destination/google_answer.o \
	src/destination/google_status.o \
	src/destination/format_tiktok.o \
	src/destination/tiktok_event.o \
	src/destination/tiktok_user.o \
	src/destination/tiktok_answer.o \
	src/destination/format_snap.o \
	src/destination/snap_event.o \
	src/destination/snap_answer.o \
	src/destination/format_ga4.o \
	src/destination/ga4_event.o \
	src/destination/ga4_user.o \
	src/destination/ga4_answer.o \
	src/destination/format_openai.o \
	src/destination/openai_event.o \
	src/destination/format_amazon.o \
	src/destination/amazon_event.o \
	src/destination/amazon_answer.o \
	src/destination/analytics.o \
	src/destination/oauth.o \
	src/destination/service_account.o \
	src/destination/format_webhook.o \
	src/destination/bus.o \
	src/destination/format_kafka.o \
	src/destination/kafka_message.o \
	src/destination/format_pubsub.o \
	src/destination/pubsub_message.o \
	src/destination/format_meta.o \
	src/destination/meta_event.o \
	src/destination/meta_user.o \
	src/destination/meta_custom.o \
	src/destination/meta_answer.o \
	src/destination/format_pinterest.o \
	src/destination/pinterest_event.o \
	src/destination/pinterest_answer.o \
	src/destination/format_reddit.o \
	src/destination/reddit_event.o \
	src/destination/reddit_answer.o \
	src/delivery/http.o \
	src/delivery/request.o \
	src/delivery/descriptors.o \
	src/delivery/intake.o \
	src/delivery/peer.o \
	src/delivery/watch.o \
	src/delivery/failure.o \
	src/delivery/sockets.o \
	src/delivery/retry_policy.o \
	src/delivery/bucket.o \
	src/delivery/token.o \
	src/capture/emit.o \
	src/tracking/look.o \
	src/tracking/need.o \
	src/tracking/before.o \
	src/capture/event_name.o \
	src/rowsql/confine.o \
	src/rowsql/expression.o \
	src/rowsql/names.o \
	src/rowsql/source.o \
	src/rowsql/foreign_key.o \
	src/rowsql/key_path.o \
	src/rowsql/row_sql.o \
	src/rowsql/row_sql_check.o \
	src/rowsql/row_sql_look.o \
	src/rowsql/row_sql_operator.o \
	src/rowsql/row_sql_shape.o \
	src/rowsql/row_sql_superuser.o \
	src/rowsql/stated_join.o \
	src/rowsql/superuser_read.o \
	src/tracking/suggest.o \
	src/tracking/suggest_address.o \
	src/tracking/suggest_due.o \
	src/tracking/suggest_identity.o \
	src/tracking/suggest_join.o \
	src/tracking/suggest_person.o \
	src/tracking/suggest_reach.o \
	src/tracking/suggest_rules.o \
	src/tracking/suggest_search.o \
	src/tracking/suggest_source.o \
	src/tracking/suggest_tables.o \
	src/capture/draft.o \
	src/capture/mapping.o \
	src/rowsql/mention.o \
	src/capture/tracks.o \
	src/capture/reads.o \
	src/tracking/own_table.o \
	src/tracking/track.o \
	src/tracking/untrack.o \
	src/tracking/follow.o \
	src/tracking/affected.o \
	src/tracking/rename.o \
	src/capture/program.o \
	src/capture/program_cache.o \
	src/capture/program_compile.o \
	src/capture/context.o \
	src/capture/fragment.o \
	src/rowsql/json_text.o \
	src/rowsql/text_size.o \
	src/capture/rows.o \
	src/capture/find.o \
	src/history/history.o \
	src/history/history_key.o \
	src/history/reconcile.o \
	src/history/reconcile_sql.o \
	src/history/progress.o \
	src/history/throttle.o \
	src/history/backfill.o \
	src/history/history_scan.o \
	src/history/history_list.o \
	src/history/customer_key.o \
	src/history/recapture.o \
	src/capture/version.o src/capture/moved.o src/capture/notes.o src/capture/pending.o \
	src/capture/trigger.o \
	src/rowsql/literal.o \
	src/rowsql/datum_type.o \
	src/rowsql/datum.o \
	src/rowsql/equality.o \
	src/rowsql/fits.o \
	src/capture/image.o \
	src/shmem/left_out.o \
	src/shmem/not_carried.o \
	src/shmem/places.o \
	src/stat/openmetrics.o \
	src/stat/stat_area.o \
	src/stat/stat_progress.o \
	src/stat/stat_destination.o \
	src/stat/stat_image.o \
	src/stat/stat_track.o \
	src/stat/stat_worker.o \
	src/enrich/filter.o src/enrich/filter_check.o src/enrich/filter_bound.o src/enrich/filter_column.o \
	src/enrich/declared.o src/enrich/declared_names.o \
	src/enrich/held.o \
	src/enrich/user_sql.o \
	src/base/advisory.o src/base/background.o \
	src/enrich/channel.o src/enrich/process.o src/enrich/processes.o \
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
	src/records/record.o \
	src/records/failed.o \
	src/records/receipt.o \
	src/records/measure.o \
	src/records/forgotten.o \
	src/records/person_search.o \
	src/records/stop_list.o \
	src/records/new_oids.o \
	src/records/erasure.o \
	src/records/withdrawal.o \
	src/records/replay.o \
	src/records/cancellation.o \
	src/records/amendment.o \
	src/records/original.o \
	src/records/stops.o \
	src/records/sent.o \
	src/records/seqs.o \
	src/records/event_id.o \
	src/worker/launcher.o \
	src/worker/worker.o \
	src/worker/bounds.o \
	src/worker/failing.o \
	src/worker/start.o \
	src/pipeline/destinations.o \
	src/pipeline/server.o \
	src/pipeline/worker_state.o \
	src/pipeline/reload.o \
	src/pipeline/standby.o \
	src/pipeline/state.o \
	src/pipeline/tick.o \
	src/pipeline/share.o \
	src/pipeline/pages.o \
	src/pipeline/take_back.o \
	src/pipeline/tally.o \
	src/pipeline/view.o \
	src/pipeline/read.o \
	src/pipeline/overview.o src/pipeline/own.o src/pipeline/prepare.o \
	src/pipeline/prepare_pick.o \
	src/pipeline/prepare_call.o \
	src/pipeline/prepare_failing.o \
	src/pipeline/prepare_lookup.o \
	src/pipeline/settle.o src/pipeline/slice.o src/pipeline/spread.o \
	src/pipeline/recorder.o \
	src/pipeline/outcome.o \
	src/pipeline/batch.o \
	src/pipeline/gather.o \
	src/pipeline/lost_fields.o \
	src/pipeline/pipeline.o \
	src/pipeline/producers.o \
	src/pipeline/answer.o \
	src/pipeline/access.o \
	src/pipeline/errand.o \
	src/pipeline/fetch.o \
	src/pipeline/receipts.o \
	src/pipeline/bisect.o \
	src/pipeline/failed_feed.o \
	src/pipeline/person_stops.o \
	src/pipeline/late_repeat.o \
	src/pipeline/repeats.o \
	src/pipeline/replay_feed.o \
	src/pipeline/stopped.o \
	src/pipeline/cancel.o \
	src/pipeline/outbox_scan.o \
	src/pipeline/amend_job.o \
	src/pipeline/amend_wait.o \
	src/pipeline/cancel_set.o \
	src/pipeline/keep.o \
	src/pipeline/ledger.o \
	src/pipeline/observe.o \
	src/pipeline/give_up.o \
	src/pipeline/journal.o

# The library of predictions, which is loaded by the functions that learn: models, which
# are pure C and know nothing of the server, the optimizer, and what calls them.  The
# library above links none of it.
MODEL = ecapi_model
MODEL_OBJS = \
	src/model/optimize.o \
	src/model/estimate.o \
	src/model/special.o \
	src/model/quadrature.o \
	src/model/histories.o \
	src/model/bgnbd.o \
	src/model/leaving.o \
	src/model/pareto.o \
	src/model/frequency.o \
	src/model/gammagamma.o \
	src/model/blend.o \
	src/model/design.o \
	src/model/inverse.o \
	src/model/metrics.o \
	src/model/ziln.o \
	src/model/ziln_loss.o \
	src/base/catalog.o \
	src/base/sql_scope.o \
	src/base/sql_version.o \
	src/base/statement.o \
	src/predict/control.o \
	src/predict/early.o \
	src/predict/features.o \
	src/predict/fit_call.o \
	src/predict/fitting.o \
	src/predict/holdout.o \
	src/predict/library.o \
	src/predict/model_table.o \
	src/predict/report.o \
	src/predict/score_table.o \
	src/predict/span.o
MODEL_PACKAGES = liblbfgs

# The library of reports, which is loaded by the functions that make a page.
REPORT = ecapi_report
REPORT_OBJS = \
	src/base/number.o \
	src/base/statement.o \
	src/base/subtransaction.o \
	src/event/buffer.o \
	src/html/chart.o \
	src/html/figures.o \
	src/html/html.o \
	src/html/quantile.o \
	src/html/style.o \
	src/html/words.o \
	src/report/report_call.o \
	src/report/report_library.o \
	src/report/request_log.o \
	src/report/section_consent.o \
	src/report/section_failure.o \
	src/report/section_flow.o \
	src/report/section_latency.o \
	src/report/section_match.o \
	src/report/section_model.o \
	src/report/section_rows.o \
	src/report/section_state.o \
	src/report/section_value.o \
	src/report/sheet.o \
	src/report/trace_call.o

# The library of Kafka, which the worker loads for a destination of that format.  It calls
# nothing of the server.  Where librdkafka is not, it is not built: KAFKA= leaves it out.
KAFKA := $(shell pkg-config --exists rdkafka && echo ecapi_kafka)
KAFKA_OBJS = \
	src/bus/kafka_library.o \
	src/bus/kafka_producer.o \
	src/bus/lines.o \
	src/bus/threads.o \
	src/bus/trouble.o \
	src/delivery/peer.o
KAFKA_PACKAGES = rdkafka

# The libraries that are loaded when they are called for.
LOADED = $(MODEL)$(DLSUFFIX) $(REPORT)$(DLSUFFIX) $(addsuffix $(DLSUFFIX),$(KAFKA))
LOADED_OBJS = $(sort $(MODEL_OBJS) $(REPORT_OBJS) $(if $(KAFKA),$(KAFKA_OBJS)))

# PGXS puts $(srcdir) before these names itself.
in_source = $(patsubst $(srcdir)/%,%,$(sort $(wildcard $(addprefix $(srcdir)/,$(1)))))
DATA = $(call in_source,sql/ecapi--*.sql)
DOCS = $(call in_source,doc/*.md doc/prometheus-*.yaml doc/*.json)
PGFILEDESC = "ecapi - committed rows as IAB ECAPI events"

PACKAGES = libcurl json-c libcrypto icu-uc
PG_CPPFLAGS = -I$(srcdir)/src $(shell pkg-config --cflags $(PACKAGES)) \
	-DECAPI_VERSION='"$(EXTVERSION)"'
# headers of 15 to 17 are no C23, the default of newer compilers
PG_CFLAGS = -std=gnu17 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -MMD -MP
SHLIB_LINK = $(shell pkg-config --libs $(PACKAGES)) -lm

# Expected output is that of UTF8 in the C locale.  The libraries of test/probe are
# loaded from where they are built, nothing of them is installed.
ENCODING = UTF8
NO_LOCALE = 1
REGRESS = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --dlpath='$(CURDIR)/test/probe'
REGRESS_PREP = installcheck-needs
ISOLATION = $(patsubst test/specs/%.spec,%,$(sort $(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --outputdir=.
PROVE_TESTS = test/t/*.pl
TAP_TESTS = 1

EXTRA_CLEAN = $(OBJS:.o=.d) $(OBJS:.o=.bc) $(LOADED_OBJS) $(LOADED_OBJS:.o=.d) $(LOADED_OBJS:.o=.bc) \
	$(LOADED) test/probe/*.o test/probe/*.bc test/probe/*.so \
	test/receiver/*.[od] test/receiver/receiver

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# PGXS makes one library of several objects; these are the others.  -Bsymbolic: their own
# objects of src/base are meant, not those of a library that was loaded before.
all: $(LOADED)

$(MODEL)$(DLSUFFIX): $(MODEL_OBJS)
	$(CC) $(CFLAGS) $(MODEL_OBJS) -o $@ $(LDFLAGS) $(LDFLAGS_SL) -shared -Wl,-Bsymbolic \
		$(shell pkg-config --libs $(MODEL_PACKAGES)) -lm

$(REPORT)$(DLSUFFIX): $(REPORT_OBJS)
	$(CC) $(CFLAGS) $(REPORT_OBJS) -o $@ $(LDFLAGS) $(LDFLAGS_SL) -shared -Wl,-Bsymbolic -lm

ifneq ($(KAFKA),)
$(KAFKA_OBJS): override CPPFLAGS += $(shell pkg-config --cflags $(KAFKA_PACKAGES))
$(KAFKA)$(DLSUFFIX): $(KAFKA_OBJS)
	$(CC) $(CFLAGS) $(KAFKA_OBJS) -o $@ $(LDFLAGS) $(LDFLAGS_SL) -shared -Wl,-Bsymbolic \
		$(shell pkg-config --libs $(KAFKA_PACKAGES)) -lpthread
endif

install: install-loaded
.PHONY: install-loaded
install-loaded: $(LOADED) installdirs
	$(INSTALL_SHLIB) $(LOADED) '$(DESTDIR)$(pkglibdir)/'

uninstall: uninstall-loaded
.PHONY: uninstall-loaded
uninstall-loaded:
	rm -f $(addprefix '$(DESTDIR)$(pkglibdir)'/, $(LOADED) ecapi_kafka$(DLSUFFIX))

# The pages of the manual have plain names, so they go to a directory of their own;
# PGXS would leave them there, for it removes DOCS by their names in the source.
docmoduledir := $(docmoduledir)/ecapi

uninstall: uninstall-doc
.PHONY: uninstall-doc
uninstall-doc:
	rm -f $(addprefix '$(DESTDIR)$(docdir)/$(docmoduledir)'/, $(notdir $(DOCS)))
	-rmdir '$(DESTDIR)$(docdir)/$(docmoduledir)'

.PHONY: installcheck-needs
installcheck-needs:
	@PG_CONFIG='$(PG_CONFIG)' VERSION='$(EXTVERSION)' COPT='$(COPT)' \
		SERVER='$(strip $(REGRESS) $(ISOLATION))' TAP='$(TAP_TESTS)' \
		bash $(srcdir)/test/installcheck.sh

# Outside of the sources the folders of objects are not there yet.  By their whole
# names, or make would find those of the sources.
FOLDERS = $(addprefix $(CURDIR)/,$(sort $(dir $(OBJS) $(LOADED_OBJS))))
$(OBJS) $(OBJS:.o=.bc) $(LOADED_OBJS): | $(FOLDERS)
$(FOLDERS):
	mkdir -p $@

# -MMD above: every object knows the headers it was built from.
-include $(OBJS:.o=.d) $(LOADED_OBJS:.o=.d)
