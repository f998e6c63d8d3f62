# Users' SQL in the processes that run it for the worker: what shows only in a process that
# runs one function after another.  Nothing of a run is left for the next one or for the
# process itself, and nothing of what it says reaches the log.  A function that is slow is
# cancelled; one that swallows every cancel ends its process once, and is then held.  Others
# are delivered meanwhile, by the same worker, and the server stops when it should.
#
# What a function finds goes out as a coupon of the event.  Limits of time are
# short, so that they are passed soon; nothing here depends on how soon.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(literal);
use EcapiReceiver;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;

my $receiver = EcapiReceiver->start;
# everything that is not suppressed is logged, in all its forms
my $cluster = EcapiCluster->create(
	workers => 1,
	conf => "log_min_messages = debug1\nlog_error_verbosity = verbose\n"
	  . "log_min_error_statement = debug1\nlog_destination = 'stderr,csvlog,jsonlog'\nlogging_collector = on\n"
	  . "log_lock_waits = on\n");
my $secret = 'planted.secret@example.com';

$cluster->sql('CREATE ROLE shop; CREATE SCHEMA shop AUTHORIZATION shop;'
	  . ' GRANT USAGE ON SCHEMA ecapi TO shop;'
	  . ' CREATE TABLE shop.switch (name text PRIMARY KEY, on_ bool);'
	  . " INSERT INTO shop.switch VALUES ('swallow', true);"
	  . ' GRANT ALL ON shop.switch TO shop');

# An enrichment in plpgsql; its body has page, and says something in got.
sub enrichment
{
	my ($name, $body, $attributes) = @_;

	return $cluster->sql("CREATE OR REPLACE FUNCTION shop.$name(page ecapi.event[])"
		  . ' RETURNS TABLE (seq bigint, patch jsonb) LANGUAGE plpgsql ' . ($attributes // '')
		  . " AS \$function\$ DECLARE got text := 'done'; BEGIN $body;"
		  . " RETURN QUERY SELECT e.seq, jsonb_build_object('properties',"
		  . " jsonb_build_object('coupon', got)) FROM unnest(page) e; END \$function\$;"
		  . " ALTER FUNCTION shop.$name(ecapi.event[]) OWNER TO shop");
}

sub emit
{
	my ($id) = @_;

	return $cluster->sql("SELECT ecapi_emit('purchase', value => 1, currency_code => 'EUR', id => "
		  . literal($id) . ", user_data => jsonb_build_object('email_address', "
		  . literal($secret) . '))');
}

# The coupons of an event at a destination; undef when it is not there.
sub coupon
{
	my ($name, $id) = @_;

	for my $text ($receiver->events)
	{
		my $event = JSON::PP::decode_json($text);

		return join(' ', @{ $event->{properties}{coupon} // [] })
		  if $event->{id} eq $id && $event->{data_set_id} eq $name;
	}
	return;
}

# Wait until an event is there, and look at its coupons.
sub arrives
{
	my ($name, $id, $wanted, $what) = @_;

	$receiver->wait_for(sub { defined coupon($name, $id) }, "$id at $name");
	return is(coupon($name, $id), $wanted, $what);
}

sub waits
{
	my ($name, $like) = @_;

	return $cluster->wait_row($name, "state = 'waiting' AND detail LIKE " . literal($like));
}

# All the server said, in one form of its log or in all.
sub logs
{
	my ($form) = @_;

	return join('', map { slurp_file($_) } glob($cluster->data_dir . "/log/*.$form"));
}

# From the processes of a database that run users' SQL.
sub processes
{
	my ($database) = @_;

	return 'FROM pg_stat_activity a WHERE a.datname = ' . literal($database // 'postgres')
	  . " AND a.backend_type = 'ecapi enrichment worker'";
}

# Wait until one of them is in a sleep.
sub process_sleeps
{
	my ($database) = @_;

	return $cluster->wait_sql('EXISTS (SELECT ' . processes($database) . " AND a.wait_event = 'PgSleep')");
}

$cluster->destination('plain', $receiver->url('/plain'));

# --- nothing is left behind (large objects are refused since 16, as the transaction is read-only)

my $state = q{concat_ws(' ', current_user, current_setting('work_mem'), current_setting('search_path'),
	current_setting('transaction_read_only'), current_setting('enable_seqscan'), current_setting('plan_cache_mode'),
	nullif(current_setting('shop.note', true), ''),
	(SELECT count(*) FROM pg_catalog.pg_locks l WHERE l.pid = pg_backend_pid() AND l.locktype = 'advisory'),
	(SELECT count(*) FROM pg_catalog.pg_cursors c WHERE c.name ~ 'left'),
	(SELECT count(*) FROM pg_catalog.pg_largeobject_metadata))};

enrichment('leaving', "got := $state;"
	  . q{ PERFORM set_config('work_mem', '77MB', false), set_config('search_path', 'shop', false),
	set_config('enable_seqscan', 'off', false), set_config('shop.note', 'left', false),
	set_config('application_name', 'taken over', false);
	SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY;
	SET lock_timeout = 1;
	SET SESSION statement_timeout = 1;
	PERFORM pg_advisory_lock(1), pg_advisory_lock(2, 3), pg_advisory_lock_shared(4), pg_advisory_xact_lock(5);
	BEGIN PERFORM lo_create(0); EXCEPTION WHEN read_only_sql_transaction THEN NULL; END;
	NOTIFY shop_channel;
	DECLARE c refcursor := 'left'; BEGIN OPEN c FOR SELECT 1; END;
	LOCK TABLE shop.switch IN ACCESS EXCLUSIVE MODE});
$cluster->destination('leaving', $receiver->url('/leaving'), { enrich => 'shop.leaving' });
my $pid = $cluster->worker_pid;
my $process;
my $clean = 'shop 4MB pg_catalog, pg_temp on on auto 0 0 0';

emit('leave-1');
arrives('leaving', 'leave-1', $clean, 'a run begins clean');
emit('leave-2');
arrives('leaving', 'leave-2', $clean, 'and so does the next one');
$process = $cluster->sql('SELECT a.pid ' . processes());
is($cluster->sql('SELECT a.application_name ' . processes()), 'ecapi enrichment worker',
	'one process runs it, and has its settings');
is($cluster->sql("SELECT a.application_name FROM pg_stat_activity a, ecapi.worker() w WHERE a.pid = w.pid"),
	'ecapi worker', 'and so has the worker');
is($cluster->sql("SELECT count(*) FROM pg_locks l WHERE l.pid = $process"
	  . " AND (l.locktype = 'advisory' OR l.relation = 'shop.switch'::regclass)"), '0', 'no locks are left');
is($cluster->sql('SELECT count(*) FROM pg_largeobject_metadata'), '0', 'and wrote nothing');
is($cluster->sql('SELECT a.pid ' . processes()), $process, 'and it is the same process');

# --- what it says stays inside

enrichment('raising', q{ RAISE WARNING 'it is %', page[1].user_data; RAISE LOG 'it is %', page[1].user_data;
	RAISE DEBUG 'it is %', page[1].user_data; PERFORM set_config('client_min_messages', 'debug5', false);
	EXECUTE format('SELECT %L::int', page[1].user_data->>'email_address')});
$cluster->destination('raising', $receiver->url('/raising'), { enrich => 'shop.raising' });
emit('raise-1');
waits('raising', '%enrichment "shop.raising": its SQL fails (SQL error 22P02)%');
arrives('leaving', 'raise-1', $clean, 'others are delivered meanwhile');

# --- slow ones are cancelled

$cluster->append_conf('postgresql.conf', 'ecapi.enrich_timeout = 100ms');
$cluster->reload;
$cluster->wait_sql("current_setting('ecapi.enrich_timeout') = '100ms'");
enrichment('raising', q{ PERFORM pg_sleep(600)});
waits('raising', '%it took longer than 100 ms%');
emit('slow-1');
arrives('plain', 'slow-1', '', 'one without users\' SQL is delivered');
is($cluster->worker_pid, $pid, 'the worker was not ended');
enrichment('raising', q{ got := 'fixed'});
arrives('raising', 'raise-1', 'fixed', 'replaced, it is tried at once');
arrives('raising', 'slow-1', 'fixed', 'and what had waited is delivered');

# --- one that swallows its cancels

enrichment('raising', q{
	WHILE (SELECT s.on_ FROM shop.switch s) LOOP
		BEGIN
			EXECUTE format('SELECT pg_sleep(600), %L', page[1].user_data);
		EXCEPTION WHEN query_canceled THEN
			RAISE WARNING 'cancelled %', page[1].user_data;
		END;
	END LOOP;
	got := 'swallowed'});
emit('swallow-1');
waits('raising', '%did not stop at its time limit%');
is($cluster->sql("SELECT count(*) FROM pg_stat_activity WHERE pid = $process"), '0', 'its process ended for it');
is($cluster->worker_pid, $pid, 'the worker did not');
emit('swallow-2');
arrives('plain', 'swallow-2', '', 'it delivers');
arrives('leaving', 'swallow-2', $clean, 'and the next process runs the SQL of others');
$process = $cluster->sql('SELECT a.pid ' . processes());
emit('swallow-2b');
arrives('leaving', 'swallow-2b', $clean, 'again');
is($cluster->sql('SELECT a.pid ' . processes()), $process, 'it goes on, for the function is held');
my $ends = () = logs('log') =~ /function "shop\.raising" did not stop at its time limit$/mg;
is($ends, 1, 'the log tells it once');

# An operator who thinks that it is fixed releases it.
$cluster->sql('UPDATE shop.switch SET on_ = false');
$cluster->resume('raising');
arrives('raising', 'swallow-1', 'swallowed', 'released, it is called again');
arrives('raising', 'swallow-2', 'swallowed', 'and what had waited is delivered');
is($cluster->worker_pid, $pid, 'by the worker that there was from the beginning');

# A new version needs no release.
$cluster->sql('UPDATE shop.switch SET on_ = true');
emit('swallow-3');
waits('raising', '%did not stop at its time limit%');
$cluster->sql('UPDATE shop.switch SET on_ = false');
$cluster->sql('ALTER FUNCTION shop.raising(ecapi.event[]) COST 7');
arrives('raising', 'swallow-3', 'swallowed', 'altered, it is another one');

# --- another encoding: SQL has its own texts, the receiver UTF-8

my $latin = "CREATE FUNCTION public.latin(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) LANGUAGE plpgsql"
  . " AS \$function\$ BEGIN %s; RETURN QUERY SELECT e.seq, jsonb_build_object('properties', jsonb_build_object("
  . " 'coupon', concat_ws(' ', chr(228), ascii(e.properties->>'transaction_id'), length(e.properties->>'transaction_id'))))"
  . " FROM unnest(page) e; END \$function\$; ALTER FUNCTION public.latin OWNER TO shop;";
my $emit_latin = "SELECT ecapi_emit('purchase', value => 1, currency_code => 'EUR', id => 'latin-%s',"
  . " properties => jsonb_build_object('transaction_id', chr(233) || 'x'))";

$cluster->sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
$cluster->in('latin')->sql("CREATE EXTENSION ecapi; GRANT USAGE ON SCHEMA ecapi TO shop;"
	  . " GRANT CREATE ON SCHEMA public TO shop;" . sprintf($latin, 'NULL')
	  . $cluster->destination_sql('latin', $receiver->url('/latin'), { enrich => 'public.latin' }));
$cluster->in('latin')->sql(sprintf($emit_latin, 1));
arrives('latin', 'latin-1', "\x{e4} 233 2", 'texts are converted, there and back');

# --- processes that are in the way of DDL go

$cluster->append_conf('postgresql.conf', 'ecapi.enrich_timeout = 5min');
$cluster->reload;
$cluster->wait_sql("current_setting('ecapi.enrich_timeout') = '5min'");
$cluster->in('latin')->sql(sprintf($latin =~ s/CREATE/CREATE OR REPLACE/r, 'PERFORM pg_sleep(600)'));
$cluster->in('latin')->sql(sprintf($emit_latin, 2));
process_sleeps('latin');
$cluster->sql('DROP DATABASE latin');
is($cluster->sql("SELECT count(*) FROM pg_database WHERE datname = 'latin'"), '0',
	'DROP DATABASE does not wait for a function');

# --- a worker that is to end, ends in order

$cluster->wait_sql("NOT EXISTS (SELECT FROM ecapi.destination WHERE backlog > 0)");
enrichment('leaving', q{ PERFORM pg_sleep(600)});
$pid = $cluster->worker_pid;
emit('end-1');
process_sleeps();
$cluster->sql("SELECT pg_terminate_backend($pid)");
$cluster->wait_sql("(SELECT pid <> $pid FROM ecapi.worker())");
process_sleeps();
$cluster->stop('fast');
$cluster->start;
process_sleeps();
is($cluster->sql("SELECT delivered FROM ecapi.destination WHERE destination = 'leaving'") + 0,
	scalar(grep { $_->{data_set_id} eq 'leaving' } $receiver->records), 'nothing was lost or sent twice');
enrichment('leaving', q{ got := 'awake'});
$cluster->sql('SELECT pg_cancel_backend(a.pid) ' . processes());
arrives('leaving', 'end-1', 'awake', 'a cancelled call is tried again');

my $logs = logs('{log,csv,json}');

like(logs($_), qr/ends, because function/, "there is a log of the form $_") for qw(log csv json);
is(index($logs, $secret), -1, 'nothing of the events is in the log');
unlike($logs, qr/terminating background worker "ecapi [^\n]*\n[^\n]*CONTEXT/, 'nor where it was');
unlike($logs, qr/PANIC|was terminated by signal/, 'and nothing crashed');

$cluster->stop;
$receiver->stop;
done_testing();
