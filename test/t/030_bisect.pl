# Rejected requests are bisected until the event at fault is found: it goes to
# failed_event, its neighbours are delivered, in few requests.  A receiver that
# rejects everything is at fault itself, and no event is blamed.
#
# The receiver rejects a request when the id of any event in it contains
# "poison" (reject-if), or when its body is too long (max-bytes).
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(ids literal);
use EcapiReceiver;
use Test::More;

# About 3 * 2 * log2(1000) further requests for three events at fault.
my $FURTHER = 62;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create;

# Emit $count events in one transaction, those at @poison with an id that is
# rejected.  Returns the ids that are not.
sub emit_with_poison
{
	my ($prefix, $count, @poison) = @_;
	my $list = join(',', @poison, 0);
	my %poison = map { $_ => 1 } @poison;

	$cluster->sql("SELECT count(ecapi_emit('purchase', value => i, currency_code => 'EUR',"
		  . " id => CASE WHEN i IN ($list) THEN 'poison-' ELSE '' END || " . literal($prefix)
		  . " || i)) FROM generate_series(1, $count) i");
	return map { "$prefix$_" } grep { !$poison{$_} } 1 .. $count;
}

# event_id, status, reason, and whether there is an answer.
sub failed_rows
{
	my ($name) = @_;

	return $cluster->sql("SELECT string_agg(event_id || ' ' || status || ' ' || reason"
		  . " || CASE WHEN length(answer) BETWEEN 1 AND 4096 THEN '' ELSE ' (no answer)' END,"
		  . " E'\\n' ORDER BY seq) FROM ecapi.failed_event WHERE destination = "
		  . literal($name));
}

sub failed_like
{
	my ($name, $status, $reason, @ids) = @_;

	is(failed_rows($name), join("\n", map { "$_ $status $reason" } @ids),
		"$name: failed_event holds what was at fault, with status and answer");
	return;
}

sub drop { return $cluster->sql("DROP SERVER $_[0] CASCADE") }

# --- one request of a thousand events with three that are rejected

my %places = (
	spread => [ 137, 500, 803 ],
	start => [ 1, 2, 3 ],
	adjacent => [ 499, 500, 501 ],
	'last' => [ 333, 334, 1000 ],
	ends => [ 1, 500, 1000 ],
	worst => [ 250, 501, 750 ],
);
for my $name (sort keys %places)
{
	my @poison = @{ $places{$name} };
	my $path = "/$name/reject-if=poison";
	my $server = "p_$name";

	$cluster->destination($server, $receiver->url($path));
	my @good = emit_with_poison("$name-", 1000, @poison);
	$cluster->drained($server);
	$cluster->all_there($receiver, $server, \@good, "$name: 997 delivered, once each");
	failed_like($server, 400, 'rejected by the receiver', map { "poison-$name-$_" } @poison);

	my $row = $cluster->row($server);
	is("$row->{delivered} $row->{failed}", '997 3', "$name: the view counts them");

	my @requests = $receiver->requests_at($path);
	is($requests[0]{events}, 1000, "$name: the first request held all of them");
	cmp_ok(@requests - 1, '<=', $FURTHER, "$name: further requests");
	diag "$name: " . (@requests - 1) . ' further requests';
	is($cluster->sql("SELECT count(*) FROM ecapi.request WHERE destination = '$server' AND status IS NOT NULL"),
		scalar @requests, "$name: each request has its row");
	drop($server);
}

# --- several such requests under way at a time

{
	my @poison = (1, 999, 1000, 1001, 4444, 9999, 10_000);

	$cluster->destination('many', $receiver->url('/many/reject-if=poison'),
		{ max_in_flight => 8 });
	my @good = emit_with_poison('many-', 10_000, @poison);
	$cluster->drained('many');
	$cluster->all_there($receiver, 'many', \@good, 'ten requests: all but seven delivered');
	failed_like('many', 400, 'rejected by the receiver', map { "poison-many-$_" } @poison);
	drop('many');
}

# --- more of them than are ever held as suspects, side by side

$cluster->destination('cluster_', $receiver->url('/cluster/reject-if=poison'));
my @beside = emit_with_poison('cluster-', 1000, 401 .. 430);
$cluster->drained('cluster_');
$cluster->all_there($receiver, 'cluster_', \@beside, 'thirty adjacent: all but they are delivered');
failed_like('cluster_', 400, 'rejected by the receiver', map { "poison-cluster-$_" } 401 .. 430);
diag 'thirty adjacent: ' . ($receiver->requests_at('/cluster/reject-if=poison') - 1) . ' further requests';

# a small request of which nothing passes blames nobody, although others passed
emit_with_poison('trio-', 3, 1, 2, 3);
$cluster->stopped('cluster_', '%rejects every event%400%');
is($cluster->row('cluster_')->{failed}, 30, 'a request of which nothing passes: none blamed');
drop('cluster_');

# --- a receiver that rejects everything

$cluster->destination('deaf', $receiver->url('/deaf/status=400'), { max_in_flight => 1 });
$cluster->emit('deaf-', 1, 1000);
$cluster->stopped('deaf', '%rejects every event%400%');
my $row = $cluster->row('deaf');
is("$row->{delivered} $row->{failed} $row->{backlog}", '0 0 1000',
	'rejects everything: none delivered, none blamed, all waiting');
is(failed_rows('deaf'), '', 'rejects everything: nothing in failed_event');
my $probes = $receiver->requests_at('/deaf/status=400');
cmp_ok($probes, '<=', $FURTHER, 'rejects everything: found out in few requests');
diag "rejects everything: stopped after $probes requests";

# what has stopped stays so: later events cause no request
$cluster->emit('deaf-', 1001, 1002);
$cluster->destination('clock', $receiver->url('/clock'), { event_types => 'purchase' });
$cluster->emit('tick', 1, 1);
$cluster->drained('clock');
is(scalar $receiver->requests_at('/deaf/status=400'), $probes, 'stopped: nothing more is sent');
$cluster->alter('deaf', url => $receiver->url('/deaf/fixed'));
$cluster->drained('deaf');
$cluster->all_there($receiver, 'deaf', [ ids('deaf-', 1, 1002), 'tick1' ],
	'rejects everything: with another url all are delivered');
is($cluster->row('deaf')->{failed}, 0, 'rejects everything: none was blamed in the end');
drop('deaf');
drop('clock');

# the same, fixed at the receiver: it takes requests as of the first after the stop
my $fixed = "/fixed/status=400/first=$probes";

$cluster->destination('fixed', $receiver->url($fixed), { max_in_flight => 1 });
$cluster->emit('fixed-', 1, 1000);
$cluster->stopped('fixed', '%rejects every event%400%');
is(scalar $receiver->requests_at($fixed), $probes, 'rejects everything: as many requests as before');
$cluster->resume('fixed');
$cluster->drained('fixed');
$cluster->all_there($receiver, 'fixed', [ ids('fixed-', 1, 1000) ],
	'rejects everything: fixed and resumed, all are delivered');
is(failed_rows('fixed'), '', 'rejects everything: none was blamed in the end');

# and at a destination that has delivered before, several requests at a time
$cluster->alter('fixed', url => $receiver->url('/relapsed/status=422'));
$cluster->emit('relapsed-', 1, 5000);
$cluster->stopped('fixed', '%rejects every event%422%');
is(failed_rows('fixed'), '', 'rejects everything later on: nothing in failed_event');
diag 'rejects everything later on: ' . scalar($receiver->requests_at('/relapsed/status=422')) . ' requests';
cmp_ok(scalar($receiver->requests_at('/relapsed/status=422')), '<=', 2 * $FURTHER,
	'rejects everything later on: found out in few requests');
$cluster->alter('fixed', url => $receiver->url('/relapsed'));
$cluster->drained('fixed');
$cluster->all_there($receiver, 'fixed', [ ids('fixed-', 1, 1000), ids('relapsed-', 1, 5000) ],
	'rejects everything later on: all are delivered in the end');
drop('fixed');

# --- 413: smaller requests, nobody blamed

my $short = '/short/max-bytes=20000';

$cluster->destination('short', $receiver->url($short));
$cluster->emit('short-', 1, 1000);
$cluster->drained('short');
$cluster->all_there($receiver, 'short', [ ids('short-', 1, 1000) ], '413: all delivered');
is(failed_rows('short'), '', '413: none blamed');
my @first = $receiver->requests_at($short);
cmp_ok((grep { $_->{status} == 413 } @first), '>', 0, '413: there were some');
cmp_ok(scalar @first, '<=', 32, '413: few requests');
$cluster->emit('short-', 1001, 2000);
$cluster->drained('short');
my @later = ($receiver->requests_at($short))[ scalar @first .. $#{ [ $receiver->requests_at($short) ] } ];
is((grep { $_->{status} == 413 } @later), 0, '413: later requests are small from the start');
cmp_ok((sort { $b <=> $a } map { $_->{events} } @later)[0], '>', 1,
	'413: later requests still hold several events');

# one that does not fit alone, among others
$cluster->sql(<<'EOSQL');
SELECT ecapi_emit('purchase', value => i, currency_code => 'EUR',
	id => CASE WHEN i = 30 THEN 'giant' ELSE 'small-' || i END,
	properties => CASE WHEN i = 30 THEN jsonb_build_object('search_term', repeat('x', 30000)) END)
FROM generate_series(1, 100) i
EOSQL
$cluster->drained('short');
$cluster->all_there($receiver, 'short',
	[ ids('short-', 1, 2000), map { "small-$_" } grep { $_ != 30 } 1 .. 100 ],
	'413: what fits alone is delivered');
failed_like('short', 413, 'too large for the receiver', 'giant');

# 413 and 400 together
$cluster->destination('mixed', $receiver->url('/mixed/max-bytes=20000/reject-if=poison'));
my @good = emit_with_poison('mixed-', 1000, 7, 600, 1000);
$cluster->drained('mixed');
$cluster->all_there($receiver, 'mixed', \@good, '413 and 400: all but the three are delivered');
failed_like('mixed', 400, 'rejected by the receiver', map { "poison-mixed-$_" } 7, 600, 1000);
drop('short');
drop('mixed');

# --- one event a request

$cluster->destination('bare', $receiver->url('/bare/reject-if=poison'), { batch_size => 1 });
@good = emit_with_poison('bare-', 60, 1, 20, 21, 58 .. 60);
$cluster->drained('bare');
$cluster->all_there($receiver, 'bare', \@good, 'batch_size 1: the good ones are delivered');
failed_like('bare', 400, 'rejected by the receiver', map { "poison-bare-$_" } 1, 20, 21, 58 .. 60);
is(scalar $receiver->requests_at('/bare/reject-if=poison'), 60, 'batch_size 1: one request an event');
drop('bare');

# --- an event that is rejected when there is no other

$cluster->destination('lone', $receiver->url('/lone/reject-if=poison'));
emit_with_poison('unproven-', 1, 1);
$cluster->stopped('lone', '%rejects every event%400%');
is(failed_rows('lone'), '', 'lone event at a destination that never took one: not blamed');
$cluster->alter('lone', url => $receiver->url('/lone'));
$cluster->drained('lone');
$cluster->alter('lone', url => $receiver->url('/lone2/reject-if=poison'));
$cluster->emit('lone-', 1, 1);
$cluster->drained('lone');
my @blamed;
for my $i (1 .. 10)
{
	emit_with_poison("lone-$i-", 1, 1);
	push @blamed, "poison-lone-$i-1";
	$cluster->wait_row('lone', "failed = $i AND backlog = 0");
}
failed_like('lone', 400, 'rejected by the receiver', @blamed);
emit_with_poison('lone-11-', 1, 1);
$cluster->stopped('lone', '%rejects every event%400%');
is($cluster->row('lone')->{failed}, 10, 'over and over: the destination stops');
$cluster->resume('lone');
$cluster->emit('lone-', 2, 2);
$cluster->drained('lone');
$cluster->all_there($receiver, 'lone',
	[ 'poison-unproven-1', ids('lone-', 1, 2) ], 'the good ones are delivered');
failed_like('lone', 400, 'rejected by the receiver', @blamed, 'poison-lone-11-1');

$cluster->stop;
done_testing();
