# Proof: request log, trace, ledger and reconciliation say the same as the
# receiver's file and the database.
#
# Random traffic, from a tracked table and from ecapi_emit, to three destinations
# of one receiver: "flaky" fails a quarter of the requests and rejects some
# events, "types" takes one event type, "held" is paused.  First all is compared
# request by request; then the server is stopped without warning in the middle
# of more traffic, where only what was delivered can be compared, for requests
# that were not recorded are made again.  At last rows are put into the table
# past its track, and must be found.
#
# ECAPI_PROOF_SEED repeats the same choices.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(literal);
use EcapiReceiver;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

my $WRITERS = 3;
my $TRANSACTIONS = 40;			# of each writer, in each of the two parts
my $seed = $ENV{ECAPI_PROOF_SEED} // int(Time::HiRes::time() * 1000) % 1_000_000;

note "seed $seed";
srand $seed;

my $receiver = EcapiReceiver->start(args => [ '--threads', 2 ]);
my $cluster = EcapiCluster->create;
my $flaky = "/flaky/reject-if=bad/random=25/seed=$seed/status=503";

$cluster->sql(<<'SQL');
CREATE ROLE shop;
GRANT USAGE ON SCHEMA ecapi TO shop;
GRANT EXECUTE ON FUNCTION ecapi.track, ecapi.capture, ecapi.reconcile, ecapi_emit TO shop;
CREATE SCHEMA shop AUTHORIZATION shop;
SET ROLE shop;
CREATE TABLE shop.orders (no text PRIMARY KEY, status text, total numeric(10,2), currency text,
	paid_at timestamptz DEFAULT clock_timestamp());
CREATE TABLE shop.emitted (id text PRIMARY KEY);
SELECT ecapi.track('shop.orders', 'purchase', condition => $$status = 'paid'$$, mapping => '{"id": "no",
	"value": "total", "currency_code": "currency", "timestamp": "paid_at"}');
SQL
$cluster->destination('flaky', $receiver->url($flaky), { batch_size => 40, max_in_flight => 3 });
$cluster->destination('types', $receiver->url('/types'), { event_types => 'subscribe' });
$cluster->destination('held', $receiver->url('/held'));
$cluster->pause('held');

# --- traffic

my $number = 0;

sub order
{
	my ($status) = @_;
	my $no = (rand() < 0.02 ? 'bad-' : 'order-') . ++$number;

	return sprintf("INSERT INTO shop.orders VALUES ('%s', '%s', %.2f, '%s');\n",
		$no, $status, rand 500, rand() < 0.7 ? 'EUR' : 'JPY');
}

sub emitted
{
	my $id = 'sub-' . ++$number;

	return "INSERT INTO shop.emitted VALUES ('$id'); SELECT ecapi_emit('subscribe', id => '$id', value => "
	  . (1 + int rand 1000) / 10 . ", currency_code => 'CHF');\n";
}

sub transaction
{
	my $way = rand;

	return join('', 'BEGIN;', (map { rand() < 0.8 ? order('paid') : emitted() } 0 .. rand 12), "COMMIT;\n")
	  if $way < 0.6;
	return 'BEGIN;' . order('paid') . emitted() . "ROLLBACK;\n" if $way < 0.7;
	return 'BEGIN;' . order('paid') . 'SAVEPOINT s;' . order('paid') . "ROLLBACK TO s; COMMIT;\n" if $way < 0.8;
	return order('cart') . "UPDATE shop.orders SET status = 'paid', paid_at = clock_timestamp()"
	  . " WHERE no = (SELECT max(no) FROM shop.orders WHERE status = 'cart');\n"
	  if $way < 0.9;
	return order('cart');
}

# Start a psql for each writer; they end by themselves, or with the server.
sub start_writers
{
	my @runs;

	local %ENV = $cluster->_get_env;
	for my $which (1 .. $WRITERS)
	{
		my $file = $cluster->basedir . "/writer$which.sql";

		unlink $file;
		append_to_file($file, "SET client_min_messages = error; SET ROLE shop;\n"
			  . join('', map { transaction() } 1 .. $TRANSACTIONS));
		push @runs, IPC::Run::start([ 'psql', '-XAtq', '-d', $cluster->connstr('postgres'), '-f', $file ],
			'>', \my $out, '2>', \my $err);
	}
	return @runs;
}

# --- what each side says

sub lines { return [ sort split /\n/, $cluster->sql($_[0]) ] }

# "type currency events cents" of a data set, each id once, as the receiver has it.
sub sums_received
{
	my ($data_set) = @_;
	my (%seen, %events, %cents);

	for my $record ($receiver->records)
	{
		next if $record->{data_set_id} ne $data_set || $seen{ $record->{id} }++;
		my $kind = "$record->{event_type} $record->{currency_code}";
		$events{$kind}++;
		$cents{$kind} += sprintf('%.0f', 100 * $record->{value});
	}
	return [ sort map { "$_ $events{$_} $cents{$_}" } keys %events ];
}

sub ids_received
{
	my ($data_set) = @_;
	my %seen = map { $_->{id} => 1 } grep { $_->{data_set_id} eq $data_set } $receiver->records;

	return [ sort keys %seen ];
}

# The same by the request log, and by the ledger.
sub ids_logged
{
	my ($destination) = @_;

	return lines("SELECT DISTINCT o.event->>'id' FROM ecapi.request r JOIN ecapi.outbox o ON r.seqs @> o.seq"
		  . " WHERE r.outcome = 'delivered' AND r.destination = '$destination'");
}

sub sums_in_ledger
{
	my ($destination, $outcome) = @_;

	return lines("SELECT concat_ws(' ', event_type, currency, sum(events), (sum(value) * 100)::bigint)"
		  . " FROM ecapi.ledger WHERE destination = '$destination' AND outcome = '$outcome'"
		  . ' GROUP BY event_type, currency');
}

# Rows of ecapi.reconcile for a destination ('' for none): "outcome currency events cents".
sub reconciled
{
	my ($destination, $outcomes) = @_;

	return lines("SET ROLE shop; SELECT concat_ws(' ', outcome, currency, sum(events), (sum(value) * 100)::bigint)"
		  . " FROM ecapi.reconcile('shop.orders', now() - interval '1 day', now() + interval '1 day')"
		  . " WHERE coalesce(destination, '') = '$destination' AND outcome = ANY ('{$outcomes}')"
		  . ' GROUP BY outcome, currency');
}

sub paid_orders
{
	my ($outcome, $condition) = @_;

	return lines("SELECT concat_ws(' ', '$outcome', currency, count(*), (sum(total) * 100)::bigint)"
		  . " FROM shop.orders WHERE status = 'paid' AND ($condition) GROUP BY currency");
}

# What must hold whenever the destinations are drained.
sub everything_agrees
{
	my ($when) = @_;

	for my $name ('flaky', 'types')
	{
		is_deeply(ids_logged($name), ids_received($name), "$when: the log names what $name has got");
		is_deeply(sums_in_ledger($name, 'delivered'), sums_received($name),
			"$when: the ledger has the counts and values that $name has");
		is($cluster->sql("SELECT string_agg(delivered || ' ' || filtered || ' ' || failed, '') FROM ecapi.cursor"
				  . " WHERE destination = '$name'"),
			$cluster->sql("SELECT coalesce(sum(events) FILTER (WHERE outcome = 'delivered'), 0) || ' '"
				  . " || coalesce(sum(events) FILTER (WHERE outcome = 'filtered'), 0) || ' '"
				  . " || coalesce(sum(events) FILTER (WHERE outcome = 'failed'), 0)"
				  . " FROM ecapi.ledger WHERE destination = '$name'"),
			"$when: the ledger has the counts of the cursor of $name");
		# after a crash, what ended behind an event that flew then is sent again
		my $times = $when eq 'at rest' ? '<> 1' : '= 0';
		is($cluster->sql("SELECT count(*) FROM ecapi.outbox o WHERE (SELECT count(*) FROM ecapi.request r"
				  . " WHERE r.destination = '$name' AND r.seqs @> o.seq AND r.outcome IN ('delivered', 'filtered')) $times"
				  . " AND NOT EXISTS (SELECT FROM ecapi.failed_event f WHERE f.destination = '$name' AND f.seq = o.seq)"),
			'0', "$when: at $name each event has ended");
		is($cluster->sql("SELECT count(*) FROM ecapi.outbox o WHERE (SELECT count(*) FROM ecapi.request r"
				  . " WHERE r.destination = '$name' AND r.seqs @> o.seq AND r.outcome = 'filtered') > 1"),
			'0', "$when: at $name none is filtered twice");
	}
	is_deeply(reconciled('', 'generated'), paid_orders('generated', 'true'), "$when: all paid orders are expected");
	is_deeply(reconciled('', 'emitted'), paid_orders('emitted', "no NOT LIKE 'hole%'"), "$when: and emitted");
	is_deeply(reconciled('types', 'filtered'), paid_orders('filtered', "no NOT LIKE 'hole%'"),
		"$when: filtered where they are not wanted");
	is_deeply(reconciled('flaky', 'delivered'), paid_orders('delivered', "no LIKE 'order%'"),
		"$when: delivered where they are");
	is_deeply([ map { s/^(dead|failed)/failed/r } @{ reconciled('flaky', 'failed,dead') } ],
		paid_orders('failed', "no LIKE 'bad%'"), "$when: but for those that the receiver rejects");
	is_deeply(reconciled($_, 'unaccounted'), ['unaccounted 0'], "$when: nothing is unaccounted at $_")
	  for qw(flaky types held);
	return;
}

# The steps of an event at a destination, as trace lists them.
sub traced
{
	my ($id, $destination) = @_;

	return join(' ', split /\n/, $cluster->sql("SELECT outcome || coalesce(':' || status, '') FROM ecapi.trace("
		  . literal($id) . ") WITH ORDINALITY WHERE destination = '$destination' ORDER BY ordinality"));
}

# --- first part: request by request

$_->finish for start_writers();
$cluster->drained('flaky', 'types');
# what was rejected is not tried again while its records are compared
$cluster->pause('flaky');
my $events = $cluster->sql('SELECT count(*) FROM ecapi.outbox');
cmp_ok($events, '>', 100, "$events events");
everything_agrees('at rest');
is_deeply(reconciled('', 'unaccounted'), ['unaccounted 0'], 'at rest: nothing is unaccounted');
is_deeply(reconciled('held', 'waiting'), paid_orders('waiting', 'true'), 'everything waits where it is paused');

is_deeply(
	lines("SELECT status || ' ' || events FROM ecapi.request WHERE destination = 'flaky' AND status IS NOT NULL"),
	[ sort map { "$_->{status} $_->{events}" } grep { $_->{path} eq $flaky } $receiver->requests ],
	'each request stands in the log, with its status and its number of events');
cmp_ok($cluster->sql("SELECT count(*) FROM ecapi.request WHERE status = 503"), '>', 0, 'some of them failed');

my @ids = split /\n/, $cluster->sql("SELECT event->>'id' FROM ecapi.outbox ORDER BY random() LIMIT 25");
push @ids, split /\n/, $cluster->sql("SELECT event->>'id' FROM ecapi.outbox WHERE event->>'id' LIKE 'bad%' LIMIT 5");
my %wrong;
for my $id (@ids)
{
	my $of_flaky = traced($id, 'flaky');
	my $rejected = $id =~ /^bad/;	# and perhaps tried again by now

	$wrong{"$id at flaky: $of_flaky"} = 1
	  if $of_flaky !~ ($rejected ? qr/^(?:(?:retry:503|rejected:400|failed:400) )*(?:dead|failed|rejected):400(?: retry:503)*$/
		  : qr/^(?:(?:retry:503|rejected:400) )*delivered:200$/);
	$wrong{"$id at types"} = 1 if traced($id, 'types') ne ($id =~ /^sub/ ? 'delivered:200' : 'filtered');
	$wrong{"$id at held"} = 1 if traced($id, 'held') ne 'waiting';
}
is(join('; ', sort keys %wrong), '', scalar(@ids) . ' events are traced through every destination');

# --- second part: the server stops without warning

$cluster->resume('flaky');
my @writers = start_writers();
my $sofar = $receiver->stats->{requests};
$receiver->wait_for(sub { $_->stats->{requests} > $sofar + 5 }, 'more requests');
$cluster->stop('immediate');
$_->finish for @writers;
$cluster->start;
$_->finish for start_writers();
$cluster->drained('flaky', 'types');
$cluster->pause('flaky');
everything_agrees('after a crash');
is_deeply(reconciled('', 'unaccounted'), ['unaccounted 0'], 'after a crash: nothing is unaccounted');

# --- holes

$cluster->sql("SET ecapi.capture = off; INSERT INTO shop.orders VALUES ('hole-1', 'paid', 10, 'EUR'),"
	  . " ('hole-2', 'paid', 20, 'EUR'), ('hole-3', 'cart', 30, 'EUR')");
everything_agrees('with holes');
is($cluster->sql("SET ROLE shop; SELECT events || ' ' || value || ' ' || ids::text FROM ecapi.reconcile('shop.orders',"
		  . " now() - interval '1 day', now() + interval '1 day') WHERE destination IS NULL AND outcome = 'unaccounted'"),
	'2 30.00 {hole-1,hole-2}', 'paid orders that the track has not seen are named');

# --- failed events that are deleted by hand

$cluster->sql("DELETE FROM ecapi.failed_event WHERE event_id = (SELECT min(event_id) FROM ecapi.failed_event)");
is(reconciled('flaky', 'deleted')->[0] =~ s/^(deleted) \w+ (\d+) .*/$1 $2/r, 'deleted 1', 'a failed event that was deleted is not lost');
is_deeply(reconciled('flaky', 'unaccounted'), ['unaccounted 0'], 'nor unaccounted');

# --- what waited arrives

$cluster->resume('held');
$cluster->drained('held');
is_deeply(ids_logged('held'), ids_received('held'), 'the log names what the paused one has got at last');
is_deeply(sums_in_ledger('held', 'delivered'), sums_received('held'), 'with the same values');
is_deeply(reconciled('held', 'delivered'), paid_orders('delivered', "no NOT LIKE 'hole%'"),
	'and the orders are reconciled with it');
is(scalar(() = traced($ids[0], 'held') =~ /delivered/g), 1, 'the trace says so');

$cluster->stop;
done_testing();
