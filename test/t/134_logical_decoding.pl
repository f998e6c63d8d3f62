# Readers of the outbox by logical decoding: what a slot's stream holds, by wal2json and by
# a publication, with the SQL of the manual (doc/operating.md, "Readers of the outbox").
#
#	- Each committed event once, none that was rolled back, in the order of commits, with the
#	  id, the type and the JSON that were emitted; also those that a prepared transaction
#	  commits late, and those that had left the outbox before they were read.
#	- A restart of the server repeats nothing.  A crash may repeat what was read since the last
#	  checkpoint, under the same seq, and loses nothing.
#	- Slots of the outbox that are emptied leave no truncation in the stream, and
#	  ecapi.forget() is an update there, which a reader of inserts does not see.
#
# The order of commits is known by itself: a transaction draws its last event's number under
# a lock that it keeps until it is committed.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiManual qw(servers);
use EcapiReceiver;
use Encode ();
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;

my ($libraries) = run_command([ 'pg_config', '--pkglibdir' ]);

plan skip_all => 'needs the package postgresql-15-wal2json' unless -e "$libraries/wal2json.so";

my $receiver = EcapiReceiver->start;
# the shortest retention: a slot of the ring has two seconds
my $cluster = EcapiCluster->create(init => [ allows_streaming => 'logical' ],
	conf => "max_worker_processes = 20\necapi.retention = 8s\n");
my $tables = join ',', map { "ecapi.outbox_$_" } 0 .. 5;

# All that has been read, in its order: hashes of id, type, seq, payload.
my @stream;

# Read on, by the manual's SQL; returns how many came.
sub read_on
{
	my $sql = servers('operating', 'wal2json read') =~ s/;\s*\z//r;
	my @rows = split /\n/, $cluster->sql("SELECT json_build_array(id, type, seq, payload::text) FROM ($sql) s");

	for my $row (map { JSON::PP::decode_json($_) } @rows)
	{
		push @stream, { id => $row->[0], type => $row->[1], seq => $row->[2], payload => $row->[3] };
	}
	return scalar @rows;
}

# --- slots, and events of known contents

$cluster->destination('shop', $receiver->url('/shop'), { linger => 0 });
$cluster->emit('before-', 1, 3);
$cluster->sql(servers('operating', 'publication'));
like($cluster->doctor('error', 'published'), qr/published \(events\): clear identifiers leave by replication/,
	'the doctor reports the publication');
if ($cluster->sql("SELECT count(*) FROM pg_settings WHERE name = 'output_plugin_libraries'"))
{
	$cluster->append_conf('postgresql.conf', "output_plugin_libraries = 'pgoutput, wal2json'");
	$cluster->reload;
	$cluster->wait_sql("SELECT current_setting('output_plugin_libraries') LIKE '%wal2json%'");
}
$cluster->sql(servers('operating', 'wal2json slot'));
$cluster->sql("SELECT pg_create_logical_replication_slot('whole', 'wal2json'), pg_create_logical_replication_slot('router', 'pgoutput')");

$cluster->sql(<<'SQL');
CREATE TABLE sold (id text PRIMARY KEY, type text NOT NULL, turn bigint);
CREATE TABLE emitted (seq bigint, event text);
CREATE SEQUENCE n;
CREATE SEQUENCE turn;
CREATE TABLE tracked (n int PRIMARY KEY, email text);
SELECT ecapi.track('tracked', 'sign_up', '{"user_data.email_address": "email"}');
SQL

# Its text is kept by its own transaction: the outbox soon forgets it.
my $keep = "INSERT INTO emitted SELECT seq, event::text FROM ecapi.outbox WHERE xid = pg_current_xact_id();"
  . "INSERT INTO sold SELECT event::json->>'id', event::json->>'event_type' FROM emitted ON CONFLICT DO NOTHING;";

$cluster->sql(<<"SQL" . "$keep COMMIT");
BEGIN;
SELECT ecapi_emit('purchase', id => 'exact-1', value => 129.90, currency_code => 'EUR',
	user_data => '{"email_address": "Ann\@Example.com"}', properties => '{"transaction_id": "A-\\"1\\"\\\\ \\u00fc\\u20ac \\ud83d\\ude00"}',
	ext => '{"event_type": "login", "text": "line\\nline\\t\\u0007", "n": 1.50, "deep": [{"a": null}, true]}');
SELECT ecapi_emit('add_to_cart', id => 'exact-2 "event_type":"login" üß', value => 1e-7, currency_code => 'JPY');
SELECT ecapi_emit('purchase', id => 'exact-3', value => 2, currency_code => 'EUR', properties => jsonb_build_object('coupon', repeat('x', 4000)));
INSERT INTO tracked SELECT n, 'p' || n || '\@example.com' FROM generate_series(1, 500) n;
SQL

# --- writers

my $script = <<'SQL';
\set way random(1, 4)
BEGIN;
WITH s AS (INSERT INTO sold SELECT 'f-' || nextval('n'), 'page_view' RETURNING id) SELECT ecapi_emit('page_view', id => s.id) FROM s;
SAVEPOINT a;
WITH s AS (INSERT INTO sold SELECT 'u-' || nextval('n'), 'page_view' RETURNING id) SELECT ecapi_emit('page_view', id => s.id) FROM s;
ROLLBACK TO a;
SELECT pg_advisory_xact_lock(1);
WITH s AS (INSERT INTO sold SELECT 't-' || t, 'purchase', t FROM nextval('turn') t RETURNING id, turn)
SELECT ecapi_emit('purchase', id => s.id, value => s.turn, currency_code => 'EUR') FROM s;
\if :way = 1
ROLLBACK;
\else
COMMIT;
\endif
SQL

sub start_writers { return $cluster->pgbench_beside($script, '-c', 3, '-R', 90) }

sub end_writers
{
	$cluster->end_background($_[0]);
	$cluster->wait_sql("NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'pgbench')");
	return;
}

sub wait_sold
{
	my ($more) = @_;
	my $target = $more + $cluster->sql('SELECT count(*) FROM sold');

	$cluster->wait_sql("SELECT count(*) >= $target FROM sold", "$more more events");
	return;
}

# What was read is what was committed, in that order; with $repeats some of it again.
sub compare
{
	my ($what, $repeats) = @_;
	my %type = map { split /\|/ } split /\n/, $cluster->sql('SELECT id, type FROM sold');
	my (%seen, %by_seq, @turns);
	my ($disorder, $wrong) = (0, 0);

	for my $row (@stream)
	{
		my $first = !$by_seq{ $row->{seq} };
		my $event = JSON::PP::decode_json(Encode::encode_utf8($row->{payload}));

		$by_seq{ $row->{seq} } //= $row->{payload};
		$wrong++ if $by_seq{ $row->{seq} } ne $row->{payload} || $event->{id} ne $row->{id} || $event->{event_type} ne $row->{type};
		next unless $first;
		my $id = Encode::encode_utf8($row->{id});
		$seen{$id}++;
		$wrong++ if ($type{$id} // '') ne $row->{type};
		push @turns, $1 if $id =~ /^t-(\d+)$/;
		$wrong++ if $id =~ /^t-(\d+)$/ && $event->{value} != $1;
	}
	$disorder = grep { $turns[$_] <= $turns[ $_ - 1 ] } 1 .. $#turns;
	my $missing = grep { !$seen{$_} } keys %type;
	my $phantoms = grep { !$type{$_} } keys %seen;
	my $twice = grep { $_ > 1 } values %seen;
	my $again = @stream - keys %by_seq;

	is("missing $missing, phantoms $phantoms, ids twice $twice, out of order $disorder, wrong $wrong",
		'missing 0, phantoms 0, ids twice 0, out of order 0, wrong 0', $what);
	is($again, 0, "$what: nothing was read twice") unless $repeats;
	diag(sprintf('%s: %d events committed, %d read, missing %d, phantoms %d, read again %d, out of order %d of %d',
			$what, scalar keys %type, scalar @stream, $missing, $phantoms, $again, $disorder, scalar @turns));
	return;
}

my $writers = start_writers();

wait_sold(200);
cmp_ok(read_on(), '>', 500, 'a reader beside the writers');

# what it has not read leaves the outbox
wait_sold(100);
my $newest = $cluster->sql('SELECT max(seq) FROM ecapi.outbox');
wait_sold(100);
$cluster->wait_sql("SELECT min(seq) > $newest FROM ecapi.outbox", 'slots of the outbox are emptied');
ok(!grep({ $_->{seq} >= $newest } @stream), 'events that were not read have left the outbox');

# decided on when all others have been; from here on their slot cannot be emptied
$cluster->sql("BEGIN; SELECT ecapi_emit('login', id => 'late-1'); $keep PREPARE TRANSACTION 'late'");
$cluster->sql("BEGIN; SELECT ecapi_emit('login', id => 'undone-1'); $keep PREPARE TRANSACTION 'undone'");

# a restart while they write: they end, and others begin
$cluster->restart;
end_writers($writers);
$writers = start_writers();
wait_sold(100);
read_on();
end_writers($writers);
$cluster->sql("COMMIT PREPARED 'late'; ROLLBACK PREPARED 'undone'");
read_on();
is(read_on(), 0, 'the stream is at its end');
is($stream[-1]{id}, 'late-1', 'what a prepared transaction commits comes at its commit');
cmp_ok($stream[-1]{seq}, '<', $stream[-2]{seq}, 'though its seq was given before');
compare('beside writers, emptied slots and a restart');

# --- what was emitted

my %payload = map { $_->{seq} => $_->{payload} } @stream;
my @kept = map { JSON::PP::decode_json($_) } split /\n/, $cluster->sql('SELECT json_build_array(seq, event) FROM emitted');

is(scalar(grep { ($payload{ $_->[0] } // '') eq $_->[1] } @kept), 504, 'the JSON of an event is as it was emitted, byte for byte');

my $manual = slurp_file("$FindBin::RealBin/../../doc/operating.md");
my ($topic) = $manual =~ /route\.topic\.regex=(\S+)\n/;
is(scalar(grep { !($_->{payload} =~ /\A$topic\z/ && $+{routedByValue} eq $_->{type}) } @stream), 0,
	'the expression for the router takes the event type out of each');

# --- a person is forgotten

# who must still be in the outbox then
$cluster->append_conf('postgresql.conf', "ecapi.retention = '3d'\n");
$cluster->reload;
$cluster->wait_sql("SELECT current_setting('ecapi.retention') = '3d'");
$cluster->restart_worker;
$cluster->sql("SELECT ecapi_emit('login', id => 'forgotten-1', user_data => '{\"email_address\": \"eve\@example.com\"}')");
$cluster->sql("INSERT INTO sold VALUES ('forgotten-1', 'login')");
$cluster->drained('shop');
is($cluster->sql("SELECT count(*) FROM ecapi.outbox WHERE event->>'erased' = 'true'"), 0, 'nobody is forgotten yet');
$cluster->sql("SELECT count(*) FROM ecapi.forget('eve\@example.com')");
is(read_on(), 1, 'of a forgotten person the reader has had what was emitted, and nothing more');
compare('with a forgotten person');

# --- a crash

$writers = start_writers();
wait_sold(50);
read_on();
wait_sold(50);
$cluster->crash;
end_writers($writers);
read_on();
compare('after a crash', 1);

# --- other readers of the same

my $read = keys %{ { map { $_->{seq} => 1 } @stream } };

is($cluster->sql("SELECT string_agg(action || ' ' || n, ', ' ORDER BY action) FROM (SELECT data::json->>'action' AS action, count(*) AS n"
		  . " FROM pg_logical_slot_peek_changes('whole', NULL, NULL, 'format-version', '2', 'include-transaction', 'false', 'add-tables', '$tables')"
		  . ' GROUP BY 1) a'),
	"I $read, U 1", 'the stream has inserts, the update of ecapi.forget(), and no truncation');
is($cluster->sql("SELECT count(*) FROM pg_logical_slot_get_changes('whole', NULL, NULL, 'format-version', '2', 'include-transaction', 'false',"
		  . " 'actions', 'update', 'add-tables', '$tables') WHERE data::json->>'identity' LIKE '%eve\@example.com%'"),
	1, 'whose old row has the identifiers');

# A role without a right on anything.  Messages of pgoutput: Insert, which names its table by
# its oid, Relation, and those of transactions.
my $outbox = $cluster->sql("SELECT 'ecapi.outbox'::regclass::oid");

$cluster->sql('CREATE ROLE reader REPLICATION');
is($cluster->sql("SET ROLE reader; SELECT string_agg(DISTINCT m, '' ORDER BY m) || ' ' || count(*) FILTER (WHERE m = 'I')"
		  . " || ' ' || count(*) FILTER (WHERE m = 'I' AND substring(data FROM 2 FOR 4) <> int4send($outbox))"
		  . " FROM (SELECT data, chr(get_byte(data, 0)) AS m"
		  . " FROM pg_logical_slot_peek_binary_changes('router', NULL, NULL, 'proto_version', '1', 'publication_names', 'events')) r"),
	"BCIR $read 0", 'the publication has the same inserts, into one table, and asks for no right');

$cluster->drained('shop');
is($receiver->stats->{rejected}, 0, 'the worker delivered all the time');
$cluster->stop;
done_testing();
