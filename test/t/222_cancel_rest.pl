# What a cancellation refunds is what is left: each destination gets back what was
# reported to it of an order, and never more, whatever was refunded before, is on its
# way, or comes later.
#
# First one case of each kind, then a model: random purchases, refunds of parts,
# cancellations, replays and receivers that refuse.  A run prints its seed;
# ECAPI_SEED=... repeats it.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(literal);
use EcapiReceiver;
use JSON::PP ();
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create;

sub resolved
{
	my ($id) = @_;

	$cluster->wait_sql("NOT EXISTS (SELECT FROM ecapi.cancellation WHERE state = 'stopping' AND id = "
		  . literal($id) . ')');
	return $cluster->sql('SELECT state, delivered, refunds FROM ecapi.cancellation WHERE id = '
		  . literal($id) . ' ORDER BY cancel_id DESC LIMIT 1');
}

# Events of an id that came to a data set.
sub arrived
{
	my ($data_set, $id) = @_;

	return grep { $_->{data_set_id} eq $data_set && $_->{id} eq $id }
	  map { JSON::PP::decode_json($_) } $receiver->events;
}

# The values of all refunds whose id begins so, in cents, in the order of their ids.
sub refunds
{
	my ($data_set, $prefix) = @_;
	my %value = map { ($_->{id} => sprintf('%.0f', $_->{value} * 100)) }
	  grep { $_->{event_type} eq 'refund' && $_->{data_set_id} eq $data_set && index($_->{id}, $prefix) == 0 }
	  map { JSON::PP::decode_json($_) } $receiver->events;

	return join(' ', map { "$_ $value{$_}" } sort keys %value);
}

# Text of a call that emits a purchase, or a refund.
sub emit
{
	my ($type, $id, $value, $properties, $more) = @_;

	return "SELECT ecapi_emit('$type', value => $value, currency_code => 'EUR', id => " . literal($id)
	  . ($properties ? ', properties => ' . literal(JSON::PP::encode_json($properties)) : '')
	  . ($more ? ", $more" : '') . ');';
}

$cluster->destination('one', $receiver->url('/one'));
$cluster->destination('two', $receiver->url('/two/reject-if=refused'));
$cluster->destination('late', $receiver->url('/late'));
$cluster->pause('late');

# --- parts that were refunded before, at one destination all, at the other some

my @items = ({ id => 'a', quantity => 3 }, { id => 'b' });

$cluster->sql(emit('purchase', 'o1', '129.90', { transaction_id => '1', items => \@items }));
$cluster->sql(emit('refund', 'o1:refund:20', 20, { transaction_id => '1', items => [ { id => 'a' } ] })
	  . emit('refund', 'o1:refund:50-refused', 30, { transaction_id => '1', items => [ { id => 'b' } ] })
	  . emit('refund', 'o1:refund:usd', 5, undef, "currency_code => 'USD'") =~ s/currency_code => 'EUR', //r);
$cluster->drained('one', 'two');
$cluster->sql("SELECT ecapi.cancel('o1')");
is(resolved('o1'), 'refunded|2|2', 'two destinations have it');
$cluster->drained('one', 'two');
is(refunds('one', 'o1:'), 'o1:refund 7990 o1:refund:20 2000 o1:refund:50-refused 3000 o1:refund:usd 500',
	'79.90 is left of 129.90 after 20 and 30, another currency is none of it');
is(refunds('two', 'o1:'), 'o1:refund 10990 o1:refund:20 2000 o1:refund:usd 500',
	'where the receiver refused a part, that is left, too');
is_deeply((arrived('one', 'o1:refund'))[0]{properties}, { transaction_id => '1' },
	'a refund without items leaves nobody to know what is left');
is($cluster->sql("SELECT state, reason FROM ecapi.failed_event WHERE event_id = 'o1:refund:50-refused'"),
	'waiting|rejected by the receiver', 'the refused part waits');
$cluster->alter('two', url => $receiver->url('/two'));
$cluster->sql("SELECT ecapi.retry('two')");
$cluster->wait_sql("EXISTS (SELECT FROM ecapi.failed_event WHERE event_id = 'o1:refund:50-refused' AND state = 'dead'"
	  . " AND reason = 'cancelled')");
$cluster->alter('two', url => $receiver->url('/two/reject-if=refused'));

# --- later ones, and those that had not left, do not leave; none where nothing was sold

$cluster->sql(emit('refund', 'o1:refund:9', 9) . emit('refund', 'other', 9, { transaction_id => '1' })
	  . emit('refund', 'stranger', 8, { transaction_id => '2' }));
$cluster->drained('one', 'two');
is(refunds('one', 'o1:refund:9'), '', 'a refund of a cancelled order does not leave');
is(refunds('one', 'other'), '', 'nor does one that has its transaction id');
is(refunds('one', 'stranger'), 'stranger 800', 'one of another order does');
is($cluster->sql("SELECT string_agg(DISTINCT outcome || ': ' || reason, ', ') FROM ecapi.trace('other')"
		  . " WHERE destination = 'one'"), 'filtered: cancelled', 'it is counted');
$cluster->resume('late');
$cluster->drained('late');
is(refunds('late', 'o1'), '', 'nothing is refunded where nothing was delivered');
is(refunds('late', 'stranger'), 'stranger 800', 'but of others it is');

# --- items, of what is left

$cluster->sql(emit('purchase', 'o2', '10.30', { items => \@items }));
$cluster->sql(emit('refund', 'o2:refund:1', '2.10', { items => [ { id => 'a' } ] }));
$cluster->drained('one');
$cluster->sql("SELECT ecapi.cancel('o2')");
resolved('o2');
$cluster->drained('one');
is(refunds('one', 'o2:'), 'o2:refund 820 o2:refund:1 210', 'no cent is rounded away');
is_deeply((arrived('one', 'o2:refund'))[0]{properties}{items}, [ { id => 'a', quantity => 2 }, { id => 'b' } ],
	'items that were refunded are out of it');

# --- all was refunded before; less was asked for

$cluster->sql(emit('purchase', 'o3', 5) . emit('purchase', 'o4', 100) . emit('purchase', 'o5', 7)
	  . emit('purchase', 'o6', 7));
$cluster->sql(emit('refund', 'o3:refund:1', 3) . emit('refund', 'o3:refund:2', 4) . emit('refund', 'o5:refund:1', 6));
$cluster->drained('one');
$cluster->sql("SELECT ecapi.cancel('o3'), ecapi.cancel('o4', value => 80.05), ecapi.cancel('o5', value => 5),"
	  . " ecapi.cancel('o6', value => 0)");
is(resolved('o3'), 'nothing to refund|3|0', 'never less than nothing');
is(resolved('o4'), 'refunded|3|3', 'a part');
is(resolved('o5'), 'refunded|3|3', 'a part that is more than what is left');
is(resolved('o6'), 'nothing to refund|3|0', 'nothing at all');
$cluster->drained('one');
is(refunds('one', 'o4:'), 'o4:refund 8005', 'no more than was asked for');
is(refunds('one', 'o5:'), 'o5:refund 100 o5:refund:1 600', 'no more than is left');

# --- two orders of one number, at two shops; two calls at once

$cluster->sql(emit('purchase', 'de-7', 70, { transaction_id => '7' }, "ext => '{\"route\": \"de\"}'")
	  . emit('purchase', 'at-7', 70, { transaction_id => '7' }, "ext => '{\"route\": \"at\"}'"));
$cluster->sql(emit('refund', 'at-7-part', 10, { transaction_id => '7' }, "ext => '{\"route\": \"at\"}'"));
$cluster->drained('one');
$cluster->sql("SELECT ecapi.cancel('de-7')");
resolved('de-7');
$cluster->sql(emit('refund', 'at-7-more', 5, { transaction_id => '7' }, "ext => '{\"route\": \"at\"}'"));
$cluster->sql("BEGIN; SELECT ecapi.cancel('at-7'); SELECT ecapi.cancel('at-7', value => 1); COMMIT;"
	  . " SELECT ecapi.cancel('at-7')");
resolved('at-7');
$cluster->drained('one');
is(refunds('one', 'de-7'), 'de-7:refund 7000', 'an order of the same number elsewhere is another one');
is((() = refunds('one', 'at-7') =~ /at-7:refund/g), 1, 'one refund, however often it was cancelled');

# --- a refund on its way when the order is cancelled

$cluster->sql(emit('purchase', 'o8', 40));
$cluster->drained('one');
$cluster->alter('one', url => $receiver->url('/one/delay=1500'));
my $slept = $receiver->sleeps;
$cluster->sql(emit('refund', 'o8:refund:1', 15));
$receiver->wait_for(sub { $_->sleeps > $slept }, 'the refund under way');
$cluster->sql("SELECT ecapi.cancel('o8')");
resolved('o8');
$cluster->alter('one', url => $receiver->url('/one'));
$cluster->drained('one');
is(refunds('one', 'o8:'), 'o8:refund 2500 o8:refund:1 1500', 'what was under way counts');

# --- the model

my $seed = $ENV{ECAPI_SEED} // int(rand(2**31));
my (%value, %left, %cancelled);
my $orders = 0;
my $parts = 0;

diag("seed $seed");
srand($seed);

sub some_order { return 'm' . (1 + int(rand($orders))) }

# One thing that happens to the shop.
sub act
{
	my $what = rand;
	my $id;

	if ($orders < 4 || $what < 0.3)
	{
		$id = 'm' . ++$orders;
		$value{$id} = $left{$id} = 1 + int(rand(10000));
		return emit('purchase', $id, $value{$id} / 100, { transaction_id => "t$id" });
	}
	$id = some_order();
	if ($what < 0.65)
	{
		my $part = 1 + int(rand($left{$id}));

		return '' if $left{$id} == 0;
		# what a shop refunds after it has cancelled is more than there is
		$left{$id} -= $part unless $cancelled{$id};
		return emit('refund', "$id:refund:" . ++$parts . (rand() < 0.2 ? '-refused' : ''), $part / 100,
			rand() < 0.5 ? { transaction_id => "t$id" } : undef);
	}
	if ($what < 0.9)
	{
		$cancelled{$id} = 1;
		return "SELECT ecapi.cancel('$id');";
	}
	return "SELECT ecapi.replay('" . (qw(one two late))[ rand 3 ] . "', '-infinity');" if $what < 0.93;
	return rand() < 0.5 ? "SELECT ecapi.pause('late');" : "SELECT ecapi.resume('late');";
}

for my $round (1 .. 12)
{
	$cluster->sql(join("\n", map { act() } 1 .. 25));
	$cluster->alter('two', url => $receiver->url('/two' . ($round % 3 == 0 ? '/status=503' : '/reject-if=refused')));
}
$cluster->alter('two', url => $receiver->url('/two'));
$cluster->sql("SELECT ecapi.resume(d), ecapi.retry(d) FROM unnest('{one,two,late}'::name[]) d");
$cluster->wait_sql("NOT EXISTS (SELECT FROM ecapi.cancellation WHERE state = 'stopping')");
$cluster->wait_sql("NOT EXISTS (SELECT FROM ecapi.replay WHERE state IN ('waiting', 'running'))");
$cluster->wait_sql("NOT EXISTS (SELECT FROM ecapi.failed_event WHERE state = 'waiting')");
$cluster->drained('one', 'two', 'late');

my (%bought, %back);

for my $event (map { JSON::PP::decode_json($_) } $receiver->events)
{
	next unless $event->{id} =~ /^(m\d+)(:refund.*)?$/;
	my $cents = sprintf('%.0f', $event->{value} * 100);

	if (!defined $2) { $bought{ $event->{data_set_id} }{$1} = $cents }
	else { $back{ $event->{data_set_id} }{$1}{ $event->{id} } = $cents }
}
for my $destination (qw(one two late))
{
	my (@wrong, @more);

	for my $id (sort keys %value)
	{
		my $bought = $bought{$destination}{$id} // 0;
		my $back = 0;

		$back += $_ for values %{ $back{$destination}{$id} // {} };
		push @more, "$id $bought $back" if $back > $bought;
		push @wrong, "$id $bought $back" if $cancelled{$id} && $back != $bought;
	}
	is("@more", '', "$destination: nowhere is more refunded than was delivered");
	is("@wrong", '', "$destination: of what was cancelled all that was delivered is refunded");
}
note(scalar(keys %value) . " orders, $parts refunds of parts, " . scalar(keys %cancelled) . ' cancelled');
cmp_ok(scalar(keys %cancelled), '>', 5, 'enough were cancelled');

$cluster->stop;
done_testing();
