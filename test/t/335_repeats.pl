# Repeats that come too late: a platform recognises one for a while (Meta: 48 hours), and
# counts what comes later as another event.  What was never sent is not held back.
#
# The server's clock is moved (test/clock/clock.c), so that an outage of 60 hours takes no
# time.  Each outage begins with a request whose answer is lost.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiClock;
use EcapiCluster qw(literal);
use EcapiReceiver;
use Test::More;

use constant HOUR => 3600;

my $clock = EcapiClock->new;
my $data_set = 5000;
my %data_set_of;
my $receiver = EcapiReceiver->start;

my $cluster = $clock->under(sub { EcapiCluster->create(conf => "track_commit_timestamp = on\necapi.retention = '30d'\n") });

$cluster->write_credential('meta.token', "EAABtoken\n");

# A destination with a receiver that behaves like that.
sub meta
{
	my ($name, $manners, %options) = @_;

	$data_set_of{$name} = ++$data_set;
	$cluster->destination($name, $receiver->url("/$name$manners"), { format => 'meta', data_set_id => $data_set,
			route => $name, max_in_flight => 1, event_types => 'purchase',
			allow_late_repeat => 'false', %options },
		{ access_token_file => 'meta.token' });
	return;
}

sub buy
{
	my ($name, $from, $to) = @_;

	$cluster->sql(<<"END");
SELECT count(ecapi_emit('purchase', id => '$name-' || i, value => i, currency_code => 'EUR', source => 'physical_store',
	ext => '{"route": "$name"}', user_data => jsonb_build_object('email_address', 'person' || i || '\@example.com')))
FROM generate_series($from, $to) i
END
	return;
}

# How often each event of a destination was stored, as "1:2 2:1".
sub arrived
{
	my ($name) = @_;
	my %times;

	$times{ $_->{id} =~ s/\D+//r }++ for grep { $_->{data_set_id} eq $data_set_of{$name} } $receiver->records;
	return join ' ', map { "$_:$times{$_}" } sort { $a <=> $b } keys %times;
}

sub failed
{
	my ($name) = @_;

	return $cluster->sql("SELECT string_agg(concat_ws('|', event_id, state, reason, sent_at IS NOT NULL), ' ' ORDER BY seq)"
		  . " FROM ecapi.failed_event WHERE destination = '$name'");
}

# Outcomes of the ledger, but for what was emitted for other destinations.
sub ledger
{
	my ($name) = @_;

	return $cluster->sql("SELECT string_agg(concat_ws(' ', outcome, reason, n), ', ' ORDER BY outcome, reason)"
		  . " FROM (SELECT outcome, reason, sum(events) AS n FROM ecapi.ledger WHERE destination = '$name' AND reason IS DISTINCT FROM 'route' GROUP BY 1, 2) l");
}

# Wait until the log has a request of which that is true.
sub wait_request
{
	my ($name, $condition, $what) = @_;

	return $cluster->wait_sql("SELECT EXISTS (SELECT FROM ecapi.request WHERE destination = '$name' AND $condition)", "$name: $what");
}

my $UNANSWERED = "arrived AND outcome = 'retry' AND status IS NULL";

# The receiver goes away, is asked for events 3 and 4, and comes back 60 hours later, with
# manners; meanwhile that is done.
sub outage
{
	my ($meanwhile, @names) = @_;

	$receiver->stop;
	buy($_, 3, 4) for @names;
	$meanwhile->();
	$clock->move(60 * HOUR);
	$cluster->alter($_, url => $receiver->url("/$_")) for @names;
	$receiver->start_again;
	$clock->set($receiver);
	$cluster->resume($_) for @names;
	$cluster->wait_row($_, 'backlog = 0') for @names;
	return;
}

# --- what may have arrived is held back after 60 hours, all else is delivered
{
	my @names = qw(held paused allowed refused shaky wrong);

	meta($_, '/cut=after') for qw(held paused);
	meta('allowed', '/cut=after', allow_late_repeat => 'true');
	meta('refused', '/status=429');
	meta('shaky', '/cut=after');
	meta('wrong', '/reject-if=wrong-1', batch_size => 1);
	buy($_, 1, $_ eq 'shaky' ? 1 : 2) for @names;
	wait_request($_, $UNANSWERED, 'the answer to a request is lost') for qw(held paused allowed shaky);
	wait_request('refused', 'status = 429 AND NOT arrived', 'a request is refused');
	$cluster->alter('shaky', url => $receiver->url('/shaky/reject-if=shaky-1'));
	buy('shaky', 2, 2);
	$cluster->wait_sql("SELECT failed_event.sent_at IS NOT NULL FROM ecapi.failed_event WHERE destination = 'shaky'",
		'an event is rejected, but may have arrived before');
	$cluster->wait_sql("SELECT failed_event.sent_at IS NULL FROM ecapi.failed_event WHERE destination = 'wrong'",
		'the receiver rejects an event, which has not arrived');
	$cluster->pause('paused');
	outage(sub {
			$cluster->wait_row($_, "state = 'waiting'") for qw(held allowed refused);
			is(failed($_), '', "$_: nothing has failed yet") for qw(held paused);
		}, @names);

	for my $name (qw(held paused))
	{
		is(failed($name), "$name-1|dead|dedupe window|t $name-2|dead|dedupe window|t", "$name: what may have arrived is held back");
		like(arrived($name), qr/^1:\d+ 2:\d+ 3:1 4:1$/, "$name: what was not sent is delivered");
		is(ledger($name), 'delivered 2, failed dedupe window 2', "$name: the ledger counts both");
		is($cluster->sql("SELECT string_agg(outcome || ' ' || coalesce(reason, ''), ', ') FROM ecapi.trace('$name-1') WHERE outcome = 'dead'"),
			'dead dedupe window', "$name: so does the trace");
	}
	like(arrived('allowed'), qr/^1:\d+ 2:\d+ 3:1 4:1$/, 'with allow_late_repeat all is sent');
	is(ledger('allowed'), 'delivered 4', 'and delivered');
	is(ledger('refused'), 'delivered 4', 'what was refused is no repeat');
	is(arrived('refused'), '1:1 2:1 3:1 4:1', 'and goes');

	$cluster->wait_sql("SELECT reason = 'dedupe window' AND state = 'dead' FROM ecapi.failed_event WHERE destination = 'shaky'",
		'a failed event that may have arrived is held back');
	like(arrived('shaky'), qr/^1:\d+ 2:1 3:1 4:1$/, 'what came later is delivered');
	$cluster->wait_sql("SELECT NOT EXISTS (SELECT FROM ecapi.failed_event WHERE destination = 'wrong')",
		'one that was rejected is no repeat');
	is(arrived('wrong'), '1:1 2:1 3:1 4:1', 'and goes');
}

# --- the owner asks for it again
{
	my ($code, $out, $err) = $cluster->psql($cluster->database, "SELECT ecapi.retry('held', 'held-1')");

	is($out, '1', 'ecapi.retry() finds one');
	like($err, qr/1 of these events may be held back with the reason "dedupe window".*allow_late_repeat/s, 'and says what will come of it');
	$cluster->wait_sql("SELECT state = 'dead' AND reason = 'dedupe window' FROM ecapi.failed_event WHERE event_id = 'held-1'",
		'it is held back again');
	my $before = arrived('held');

	$cluster->alter('held', allow_late_repeat => 'true');
	is($cluster->sql("SELECT ecapi.retry('held')"), '2', 'with allow_late_repeat');
	$cluster->wait_sql("SELECT NOT EXISTS (SELECT FROM ecapi.failed_event WHERE destination = 'held')", 'what was held back is delivered');
	isnt(arrived('held'), $before, 'and has arrived once more');
	is($cluster->row('held')->{delivered}, 4, 'all four are delivered');
}

# --- what a crash left behind the cursor, and what was on its way when the server stopped
{
	my @names = qw(crashed unanswered);

	meta('crashed', '/cut=after');
	meta('unanswered', '/delay=3600000');
	buy($_, 1, 2) for @names;
	wait_request('crashed', $UNANSWERED, 'the answer to a request is lost');
	$receiver->wait_for(sub { $_->sleeps >= 1 }, 'a request waits for its answer');
	outage(sub {
			$cluster->wait_row('crashed', "state = 'waiting'");
			$clock->under(sub { $cluster->restart });
			$cluster->wait_worker;
			$clock->under(sub { $cluster->crash });
			$cluster->wait_worker;
		}, @names);
	is(failed($_), "$_-1|dead|dedupe window|t $_-2|dead|dedupe window|t", "$_: what may have arrived is held back") for @names;
	is(ledger($_), 'delivered 2, failed dedupe window 2', "$_: and the rest is delivered") for @names;
	is(arrived('unanswered'), '3:1 4:1', 'unanswered: nothing was sent twice');
}

# --- one event of a request is refused, the others are taken
{
	meta('partly', '/reject-if=partly-2', format => 'microsoft');
	buy('partly', 1, 3);
	$cluster->wait_sql("SELECT failed_event.sent_at IS NULL FROM ecapi.failed_event WHERE event_id = 'partly-2'", 'one is refused');
	is($cluster->sql("SELECT string_agg(concat_ws(' ', outcome, events, arrived), ', ' ORDER BY outcome) FROM ecapi.request"
			  . " WHERE destination = 'partly' AND outcome IN ('delivered', 'rejected') AND NOT retried"),
		'delivered 2 t, rejected 1 f', 'the log says of each what became of it');
	$cluster->alter('partly', url => $receiver->url('/partly'));
	$clock->move(60 * HOUR, $receiver);
	is($cluster->sql("SELECT ecapi.retry('partly')"), '1', 'it is tried again 60 hours later');
	$cluster->wait_sql("SELECT NOT EXISTS (SELECT FROM ecapi.failed_event WHERE destination = 'partly')", 'and delivered');
	is(arrived('partly'), '1:1 2:1 3:1', 'all three are there once');
}

# --- a replay
{
	my $replay = sub {
		my ($name) = @_;
		my ($code, $out, $err) = $cluster->psql($cluster->database, "SELECT ecapi.replay('$name', now() - interval '80 hours', now())");

		$cluster->wait_sql("SELECT state = 'finished' FROM ecapi.replay WHERE replay_id = $out", "$name: the replay is finished");
		return ($cluster->sql("SELECT delivered || ' ' || filtered || ' ' || failed FROM ecapi.replay WHERE replay_id = $out"), $err);
	};
	my $past = sub {
		return $cluster->sql("SELECT string_agg(concat_ws(' ', decision, reason, n), ', ' ORDER BY decision, reason) FROM (SELECT decision, reason, sum(events) AS n"
			  . " FROM ecapi.preview('$_[0]', now() - interval '80 hours', now()) WHERE reason IS DISTINCT FROM 'route' GROUP BY 1, 2) p");
	};

	meta('again', '');
	buy('again', 1, 3);
	$cluster->drained('again');
	$clock->move(72 * HOUR, $receiver);
	buy('again', 4, 5);
	$cluster->drained('again');
	is($past->('again'), 'filtered dedupe window 3, send 2', 'a preview says what would be held back');
	my ($counts, $err) = $replay->('again');
	like($counts, qr/^2 \d+ 0$/, 'a replay sends what the platform still recognises');
	like($err, qr/events that were sent before .* are held back.*allow_late_repeat/s, 'and its call says so');
	is(arrived('again'), '1:1 2:1 3:1 4:2 5:2', 'nothing else has arrived again');
	is($cluster->sql("SELECT sum(events) FROM ecapi.ledger WHERE destination = 'again' AND reason = 'dedupe window' AND outcome = 'filtered'"),
		'3', 'the ledger counts what was held back');
	is(failed('again'), '', 'which is no failure');

	# the same events, to a destination that they were never sent to
	meta('fresh', '', route => 'again');
	is($past->('fresh'), 'send 5', 'to another destination all are first attempts');
	($counts) = $replay->('fresh');
	like($counts, qr/^5 \d+ 0$/, 'and all are sent');
	is(arrived('fresh'), '1:1 2:1 3:1 4:1 5:1', 'once');

	$cluster->alter('again', allow_late_repeat => 'true');
	is($past->('again'), 'send 5', 'with allow_late_repeat a preview holds nothing back');
	($counts, $err) = $replay->('again');
	like($counts, qr/^5 \d+ 0$/, 'nor does a replay');
	like($err, qr/may count events again/, 'whose call warns');
	is(arrived('again'), '1:2 2:2 3:2 4:3 5:3', 'all have arrived again');
}

unlike($cluster->log_text, qr/ecapi worker failed|PANIC/, 'nothing failed by the log');
$cluster->stop;
$receiver->stop;
done_testing();
