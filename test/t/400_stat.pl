# Statistics: what they count equals what the receiver counted and what the ledger says;
# they outlive a clean restart and no crash, begin at zero when asked to, and are a
# database's own.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Compress::Raw::Zlib ();
use EcapiCluster;
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(conf => "restart_after_crash = on\n");
my $stat_file = $cluster->data_dir . '/pg_stat/ecapi.stat';

# Columns of a destination's row, one text.
sub stat_of
{
	my ($columns, $name, $node) = @_;

	return ($node // $cluster)->sql("SELECT $columns FROM ecapi.stat_destination WHERE destination = '$name'");
}

# A sample of ecapi.metrics(), by a regular expression for its labels.
sub metric
{
	my ($sample, $labels, $node) = @_;
	my ($value) = ($node // $cluster)->sql('SELECT ecapi.metrics()') =~ /^\Q$sample\E\{$labels\} (\S+)$/m;

	return $value;
}

# What the receiver was sent under a path: requests, bytes.
sub sent_to
{
	my ($path) = @_;
	my @requests = grep { $_->{path} =~ m{^\Q$path\E} } $receiver->requests;
	my $bytes = 0;

	$bytes += $_->{bytes} for @requests;
	return scalar(@requests) . "|$bytes";
}

# --- destinations

my %event_types = (event_types => 'purchase');

$cluster->destination('plain', $receiver->url('/plain'), { batch_size => 10, %event_types });
$cluster->destination('again', $receiver->url('/again/status=503/first=2'), { batch_size => 100, %event_types });
$cluster->destination('picky', $receiver->url('/picky/reject-if=bad'),
	{ batch_size => 8, %event_types, route => 'de', filter => 'value > 2', max_in_flight => 1 });
$cluster->destination('shadow', $receiver->url('/shadow'), { mode => 'shadow', %event_types });
$cluster->sql(<<'END');
SELECT count(ecapi_emit(t, value => i, currency_code => 'EUR', id => t || CASE i WHEN 7 THEN 'bad' ELSE '' END || i,
	ext => jsonb_build_object('route', CASE WHEN i % 2 = 1 THEN 'de' ELSE 'at' END)))
FROM unnest('{purchase,refund}'::text[]) t, generate_series(1, 40) i
END
$cluster->drained(qw(plain again picky shadow));

is(stat_of('delivered, shadow, filtered, failed, given_up, erased, rejected, retried', 'plain'),
	'40|0|40|0|0|0|0|0', 'events by their ends');
is(stat_of('delivered, shadow, filtered', 'shadow'), '0|40|40', 'in shadow mode, too');
is(stat_of('requests_taken, bytes_sent', 'plain'), sent_to('/plain'), 'requests and bytes are what the receiver got');
is(stat_of('delivered, requests_failed, requests_taken, retried', 'again'), '40|2|1|80', 'failed requests, and what went again');
is(stat_of('requests_failed + requests_taken, bytes_sent', 'again'), sent_to('/again'), 'all of them are counted');
is(stat_of('delivered, filtered, failed, rejected', 'picky'), '18|61|1|1', 'what the receiver refuses');
is(stat_of('requests_taken + requests_refused, bytes_sent', 'picky'), sent_to('/picky'), 'with its requests');
is($cluster->sql("SELECT reason, events FROM ecapi.stat_filtered WHERE destination = 'picky' ORDER BY reason"),
	"event_type|40\nfilter|1\nroute|20", 'why events were filtered');
is( $cluster->sql(<<'END'), '', 'all of it equals the ledger');
(SELECT destination, outcome, events FROM ecapi.stat_destination,
	LATERAL (VALUES ('delivered', delivered), ('shadow', shadow), ('filtered', filtered), ('failed', failed),
		('given_up', given_up), ('erased', erased)) v (outcome, events) WHERE events > 0
EXCEPT SELECT destination, outcome, sum(events) FROM ecapi.ledger GROUP BY 1, 2)
UNION ALL
(SELECT destination, outcome, sum(events) FROM ecapi.ledger GROUP BY 1, 2
EXCEPT SELECT destination, outcome, events FROM ecapi.stat_destination,
	LATERAL (VALUES ('delivered', delivered), ('shadow', shadow), ('filtered', filtered), ('failed', failed),
		('given_up', given_up), ('erased', erased)) v (outcome, events))
END
is( $cluster->sql(<<'END'), '', 'the largest bucket of a histogram has all');
SELECT h.destination, measure FROM ecapi.stat_histogram h JOIN ecapi.stat_destination d USING (destination)
WHERE up_to IS NULL AND count <> CASE measure WHEN 'delivery_age' THEN delivered
	ELSE requests_taken + requests_failed + requests_refused END
END
is(stat_of('request_time > 0 AND delivery_age > 0 AND idle_time + delivering_time > 0', 'plain'), 't', 'times go by');
is(stat_of('state, state_since <= clock_timestamp(), queued, requests_in_flight', 'plain'), 'idle|t|0|0', 'the state is there');

$cluster->pause('plain');
$cluster->wait_sql("(SELECT state = 'paused' FROM ecapi.stat_destination WHERE destination = 'plain')", 'the state changes');
$cluster->wait_sql("(SELECT paused_time > 0 FROM ecapi.stat_destination WHERE destination = 'plain')", 'and its time goes on');
$cluster->resume('plain');
$cluster->destination('gone', 'http://127.0.0.1:1/', \%event_types);
$cluster->emit('u', 1, 1);
$cluster->wait_sql("(SELECT requests_unsent > 0 FROM ecapi.stat_destination WHERE destination = 'gone')",
	'a receiver that is not there');
is(stat_of('bytes_sent, delivered', 'gone'), '0|0', 'has taken nothing');

# --- persons

is(stat_of('identified, unidentified', 'plain'), '0|41', 'events without a person');
$cluster->destination('meta', $receiver->url('/meta'), { format => 'meta', data_set_id => '1',
	event_types => 'purchase, sign_up' }, { access_token => 'secret' });
$cluster->sql(<<'END');
SELECT ecapi_emit('purchase', value => 1, currency_code => 'EUR', user_data => u)
FROM (VALUES (jsonb '{"email_address": "ann@example.com"}'), ('{"email_address": "ann"}'), ('{"phone_numbers": ["+49 30 1234567"]}'),
	('{"click_id": "AbC"}'), ('{"address": {"city": "Berlin"}}'), ('{"event_ip_address": "203.0.113.7"}')) v (u);
END
$cluster->drained(qw(plain shadow meta));
# Meta does not take an event with a city alone, or with a text that is no address
is(stat_of('identified, unidentified, delivered, failed', 'meta'), '3|3|4|2', 'sent with an identifier, or not, and not sent for want of one');
is(stat_of('identified, unidentified', 'plain'), '3|44', 'the same for another platform');
is(stat_of('identified, unidentified', 'shadow'), '3|44', 'and in shadow mode');
$cluster->sql('SELECT ecapi_emit(\'sign_up\', user_data => \'{"email_address": "ann@example.com"}\'::jsonb)');
$cluster->drained(qw(plain meta));
is(stat_of('identified', 'plain'), '3', 'an event that is filtered does not count');
is(stat_of('identified', 'meta'), '4', 'one that leaves does');
is(metric('ecapi_identified_events_total', 'datname="postgres",destination="plain"') . '|' .
	metric('ecapi_unidentified_events_total', 'datname="postgres",destination="plain"'), '3|44', 'as metrics');
$cluster->sql('DROP SERVER meta CASCADE');

# --- worker

is( $cluster->sql(<<'END'), 't|t|t|t|t', 'what the worker did');
SELECT pid = (SELECT pid FROM ecapi.worker()), turns > 0, sql_time > 0 AND shaping_time > 0 AND recording_time > 0,
	waiting_time > 0 AND users_sql_time > 0, bytes_limit > page_bytes + body_bytes
FROM ecapi.stat_worker
END

# --- tracks

$cluster->sql(<<'END');
CREATE TABLE orders (id int PRIMARY KEY, total numeric NOT NULL);
SELECT ecapi.track('orders', 'purchase', '{"value": "total", "currency_code": "''EUR''"}', condition => 'total > 0');
CREATE TABLE changes (id int PRIMARY KEY, total numeric, due boolean);
SELECT ecapi.track('changes', 'purchase', '{"value": "total", "currency_code": "''EUR''"}', condition => 'due', on_change => '{due}');
INSERT INTO orders SELECT i, CASE WHEN i % 10 = 0 THEN 0 ELSE i END FROM generate_series(1, 1000) i;
INSERT INTO changes SELECT i, i, false FROM generate_series(1, 5) i;
UPDATE changes SET due = true;
UPDATE changes SET total = total + 1, due = true;
BEGIN;
INSERT INTO orders SELECT i, 1 FROM generate_series(2001, 2010) i;
ROLLBACK;
END
is($cluster->sql('SELECT relation, rows_seen, events, condition_false, set_aside, dropped FROM ecapi.stat_track ORDER BY 1'),
	"orders|1010|910|100|0|0\nchanges|10|5|5|0|0", 'rows and events of tracks, rolled back or not');
$cluster->sql('CREATE TABLE sheets (id int, total text)');
$cluster->sql(q{SELECT ecapi.track('sheets', 'purchase', '{"id": "new.id::text", "value": "new.total::numeric", "currency_code": "''EUR''"}')});
$cluster->sql("INSERT INTO sheets VALUES (1, '1'), (2, 'one')");
is($cluster->sql("SELECT rows_seen, events, set_aside FROM ecapi.stat_track WHERE relation = 'sheets'::regclass"),
	'2|1|1', 'and what was set aside');

# --- metrics

$cluster->drained(qw(plain again picky shadow));
my $ends = stat_of('delivered', 'plain');

is(metric('ecapi_events_total', 'datname="postgres",destination="plain",outcome="delivered"'), $ends, 'metrics have the same figures');
is(metric('ecapi_delivery_age_seconds_count', 'datname="postgres",destination="plain"'), $ends, 'histograms, too');
is(metric('ecapi_worker_up', 'datname="postgres"'), 1, 'the worker is up');
is(metric('ecapi_destination_state', 'datname="postgres",destination="plain",ecapi_destination_state="idle"'), 1, 'states');
is(metric('ecapi_failed_events', 'datname="postgres",destination="picky",state="waiting"') +
	metric('ecapi_failed_events', 'datname="postgres",destination="picky",state="dead"'), 1, 'failed events');
cmp_ok(metric('ecapi_backlog_events', 'datname="postgres",destination="gone"'), '==',
	$cluster->row('gone')->{backlog}, 'the backlog is that of the view');
$cluster->pause('plain');
$cluster->emit('w', 1, 1200);
is(metric('ecapi_backlog_events', 'datname="postgres",destination="plain"'), 1000, 'up to a thousand');
cmp_ok(metric('ecapi_oldest_waiting_seconds', 'datname="postgres",destination="plain"'), '>', 0, 'its age');
$cluster->resume('plain');
$cluster->drained('plain');
is(metric('ecapi_backlog_events', 'datname="postgres",destination="plain"'), 0, 'and nothing when nothing waits');

# --- names

my $odd = qq{a"b\\c<script>\n};
my $chinese = "\xe5\xba\x97" x 21;

for my $name ($odd, $chinese)
{
	(my $quoted = $name) =~ s/"/""/g;
	$cluster->sql(qq{ALTER SERVER shadow RENAME TO "$quoted"});
	(my $label = $name) =~ s/([\\"])/\\$1/g;
	$label =~ s/\n/\\n/g;
	is(metric('ecapi_events_total', qq{datname="postgres",destination="\Q$label\E",outcome="shadow"}) > 0, 1,
		'a renamed destination keeps its figures, whatever its name');
	$cluster->sql(qq{ALTER SERVER "$quoted" RENAME TO shadow});
}

# --- two databases

$cluster->sql('CREATE DATABASE other');
my $other = $cluster->in('other');

$other->sql('CREATE EXTENSION ecapi');
$other->destination('plain', $receiver->url('/other'), { batch_size => 10, data_set_id => 'other' });
$other->emit('o', 1, 3);
$other->drained('plain');
is(stat_of('delivered', 'plain', $other), 3, 'another database has its own');
is(metric('ecapi_events_total', 'datname="other",destination="plain",outcome="delivered"', $other), 3, 'and its metrics name it');
is($other->sql('SELECT count(*) FROM ecapi.stat_track'), 0, 'it knows of no other track');

# --- over a restart

my $kept = $cluster->sql('SELECT delivered, filtered, bytes_sent, stats_reset FROM ecapi.stat_destination ORDER BY destination');
my $tracks = $cluster->sql('SELECT * FROM ecapi.stat_track ORDER BY 1, 2');

$cluster->stop;
ok(-s $stat_file, 'a clean shutdown leaves a file');
$cluster->start;
$cluster->wait_worker;
$cluster->wait_sql("(SELECT count(*) = 5 FROM ecapi.stat_destination)", 'the destinations are there');
is($cluster->sql('SELECT delivered, filtered, bytes_sent, stats_reset FROM ecapi.stat_destination ORDER BY destination'),
	$kept, 'which the next start reads');
is($cluster->sql('SELECT * FROM ecapi.stat_track ORDER BY 1, 2'), $tracks, 'for tracks as well');
is(stat_of('delivered', 'plain', $other), 3, 'and for each database');
ok(!-e $stat_file, 'and removes');

# --- a counter that wraps

# In the file of a stopped server the counters of these events are put two below their end.  The checksum is that of the header without itself, and of the counters.
$cluster->destination('wraps', $receiver->url('/wraps'), { mode => 'shadow', data_set_id => 'wraps' });
$cluster->sql("SELECT count(ecapi_emit('purchase', data_set_id => 'wraps', value => 1, currency_code => 'EUR')) FROM generate_series(1, 4321)");
$cluster->drained('wraps');
is(stat_of('shadow', 'wraps'), 4321, 'its events are counted');
$cluster->stop;
{
	my $image = PostgreSQL::Test::Utils::slurp_file($stat_file);
	my $value = pack 'Q', 4321;

	cmp_ok($image =~ s/\Q$value\E/pack 'q', -2/ge, '>', 0, 'the file has its value');
	substr($image, 20, 4) = pack 'L', Compress::Raw::Zlib::crc32(substr($image, 8, 12) . substr($image, 24));
	open my $file, '>:raw', $stat_file or die "$stat_file: $!\n";
	print $file $image;
	close $file or die "$stat_file: $!\n";
}
$cluster->start;
$cluster->wait_worker;
$cluster->wait_sql("(SELECT count(*) = 6 FROM ecapi.stat_destination)", 'the destinations are there');
is(metric('ecapi_events_total', 'datname="postgres",destination="wraps",outcome="shadow"'), '18446744073709551614', 'a counter at its end');
$cluster->sql("SELECT count(ecapi_emit('purchase', data_set_id => 'wraps', value => 1, currency_code => 'EUR')) FROM generate_series(1, 5)");
$cluster->drained('wraps');
is(metric('ecapi_events_total', 'datname="postgres",destination="wraps",outcome="shadow"'), 3, 'begins at zero, as Prometheus knows it');
is(stat_of('shadow', 'wraps'), 3, 'and so in the view');
$cluster->sql('DROP SERVER wraps CASCADE');

for my $damage ([ 'cut', sub { substr($_[0], 0, 1000) } ], [ 'changed', sub { substr($_[0], 200, 1) ^= "\1"; $_[0] } ],
	[ 'of another version', sub { substr($_[0], 8, 1) = "\x7f"; $_[0] } ])
{
	my ($what, $change) = @$damage;
	my $before = -s $cluster->logfile;

	$cluster->emit("d$what", 1, 1);
	$cluster->drained('plain');
	$cluster->stop;
	my $bytes = PostgreSQL::Test::Utils::slurp_file($stat_file);
	open my $file, '>:raw', $stat_file or die "$stat_file: $!\n";
	print $file $change->($bytes);
	close $file or die "$stat_file: $!\n";
	$cluster->start;
	$cluster->wait_worker;
	like($cluster->log_text($before), qr/statistics in file "pg_stat\/ecapi\.stat" are ignored/, "a file that is $what is ignored");
	$cluster->wait_sql("(SELECT count(*) = 5 FROM ecapi.stat_destination)", 'the destinations are there');
	is(stat_of('delivered', 'plain'), 0, 'and counting begins at zero');
}
$cluster->emit('k', 1, 5);
$cluster->drained('plain');
is(stat_of('delivered', 'plain'), 5, 'counting goes on');
# what was recorded is on the disk, so nothing is sent again
$cluster->sql('CHECKPOINT');
$cluster->kill_worker;
$cluster->wait_worker;
$cluster->wait_sql("(SELECT count(*) = 5 FROM ecapi.stat_destination)", 'the destinations are there');
is(stat_of('delivered', 'plain'), 0, 'a crash begins at zero');
$cluster->emit('i', 1, 3);
$cluster->drained(qw(plain again));
is(stat_of('delivered', 'plain'), 3, 'counting goes on');
$cluster->sql('CHECKPOINT');
$cluster->stop('immediate');
$cluster->start;
$cluster->wait_worker;
$cluster->wait_sql("(SELECT count(*) = 5 FROM ecapi.stat_destination)", 'the destinations are there');
is(stat_of('delivered', 'plain'), 0, 'and so does an immediate shutdown, after which the server recovers');
ok(!-e $stat_file, 'whose file is removed');

# --- reset

$cluster->emit('r', 1, 4);
$cluster->drained(qw(plain again));
$cluster->sql('INSERT INTO orders VALUES (5001, 1)');
$cluster->drained(qw(plain again));
my $since = stat_of('stats_reset', 'plain');
$cluster->sql("SELECT ecapi.stat_reset('plain')");
is(stat_of("delivered, requests_taken, stats_reset > '$since'", 'plain'), '0|0|t', 'a destination begins at zero');
is(stat_of('delivered', 'again'), 5, 'another does not');
$cluster->sql('SELECT ecapi.stat_reset()');
is(stat_of('delivered', 'again'), 0, 'all of them');
is($cluster->sql('SELECT sum(rows_seen) FROM ecapi.stat_track'), 0, 'and tracks');

# --- what is gone

$cluster->sql('DROP SERVER gone CASCADE');
$cluster->wait_sql("(SELECT count(*) = 4 FROM ecapi_internal.stat_destinations())", 'a dropped destination leaves its place');
is(metric('ecapi_backlog_events', 'datname="postgres",destination="gone"'), undef, 'and the metrics');

$cluster->stop;
done_testing();
