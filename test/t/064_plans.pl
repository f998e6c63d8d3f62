# What a function of ours is given never stands in a plan, nor beside it as its parameters, which
# auto_explain has since 16: at its most talkative it logs no identifier, event id or digest of a
# nested statement, no value of a row that is captured or backfilled, and no event of the worker.
# The values come from a table, so that the statements of the test hold none themselves.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(conf => "shared_preload_libraries = 'ecapi, auto_explain'\n");
$cluster->destination('rejects', $receiver->url('/rejects/reject-if=planted'));
$cluster->sql(<<'SQL');
CREATE TABLE given (id text, email text);
INSERT INTO given VALUES ('plantedOrder', 'plantedPerson@secret.example');
CREATE TABLE person (email text PRIMARY KEY, n int);
INSERT INTO person SELECT email, 7 FROM given;
CREATE TABLE bought (id text PRIMARY KEY, email text REFERENCES person, at timestamptz DEFAULT now(), note text);
INSERT INTO bought SELECT id || i, email FROM given, generate_series(1, 3) i;
CREATE FUNCTION enriched(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) LANGUAGE plpgsql STABLE AS
	$$ DECLARE e ecapi.event; BEGIN FOREACH e IN ARRAY page LOOP seq := e.seq; patch := '{"ext": {"seen": true}}'; RETURN NEXT; END LOOP; END $$;
CREATE ROLE keeper;
GRANT USAGE ON SCHEMA ecapi TO keeper;
GRANT EXECUTE ON FUNCTION ecapi.track, ecapi.capture TO keeper;
ALTER TABLE person OWNER TO keeper;
ALTER TABLE bought OWNER TO keeper;
ALTER FUNCTION enriched OWNER TO keeper;
DO $do$
DECLARE
	mapping jsonb := '{"timestamp": "at", "ext.way": "email.n", "ext.read": "(SELECT max(p.n) FROM public.person p WHERE p.email = new.email)"}';
BEGIN
	PERFORM ecapi.track('bought', 'login', mapping);
	PERFORM ecapi.track('bought', 'page_view', mapping || '{"id": "new.id"}', on_change => '{note}');
END $do$;
SQL
$cluster->emit('good-', 1, 3);
$cluster->drained('rejects');

my $talkative = <<'SQL';
SET auto_explain.log_min_duration = 0;
SET auto_explain.log_nested_statements = on;
SET auto_explain.log_verbose = on;
SQL
sub quietly
{
	my ($sql) = @_;

	return $cluster->sql($talkative . $sql);
}

# Each more often than the server tries plans of its own.
quietly("SELECT ecapi_emit('purchase', value => 5, currency_code => 'EUR', id => id,"
	  . " user_data => jsonb_build_object('email_address', email)) FROM given");
$cluster->wait_sql("SELECT count(*) = 1 FROM ecapi.failed_event WHERE destination = 'rejects'", 'the event has failed');
quietly("SELECT ecapi.retry('rejects', id) FROM given") for 1 .. 2;
quietly("SELECT count(*) FROM given, ecapi.trace(id)") for 1 .. 2;
quietly("SELECT count(*) FROM given, ecapi.preview('rejects', id)") for 1 .. 2;
quietly('SELECT ecapi.cancel(id) FROM given') for 1 .. 2;
quietly('SELECT count(*) FROM given, ecapi.forget(email)') for 1 .. 2;
quietly('SELECT ecapi.remember(email) FROM given') for 1 .. 2;


# rows of which a mapping reads more, by a key and by SQL, for no key of the server's own checks
# changes; then as pages of a backfill, of which each but the first begins behind a key
quietly("UPDATE bought SET note = 'seen'");
is($cluster->sql(q(SELECT count(*) FROM ecapi.outbox WHERE event->'ext'->>'way' = '7' AND event->'ext'->>'read' = '7')), 3, 'rows are captured');
quietly("CALL ecapi.backfill('bought', 'login', page_size => 1)");
is($cluster->sql(q(SELECT count(*) FROM ecapi.outbox WHERE event->'ext'->>'way' = '7' AND event->>'event_type' = 'login')), 3, 'and read later');

# the worker's, which is silent while it calls an enrichment
$cluster->sql("ALTER SYSTEM SET auto_explain.$_") for 'log_min_duration = 0', 'log_verbose = on', 'log_nested_statements = on';
$cluster->reload;
$cluster->destination('enriched', $receiver->url('/enriched'), { enrich => 'public.enriched' });
$cluster->sql("SELECT count(ecapi_emit('login', id => id || 'more', user_data => jsonb_build_object('email_address', email))) FROM given");
$cluster->drained('enriched');

my $log = $cluster->log_text;
like($log, qr/ecapi worker LOG:  duration: [^\n]*\n\s+Query Text: /, 'statements of the worker are in the log');
like($log, qr/Query Text: .*new\.email/, 'and SQL of a track');
like($log, qr/Query Text: .*ecapi\.forgotten/, 'nested statements are in the log');
like($log, qr/Query Text: .*ecapi\.cancellation/, 'of several functions');
my @found = grep { /planted/i } split /\n/, $log;
is(scalar(@found), 0, 'no value that was given is in a plan');
diag("in the log: $_") for splice(@found, 0, 5);
unlike($log, qr/'\\x[0-9a-f]{64}'/, 'nor a digest of one');
$cluster->stop;
done_testing();
