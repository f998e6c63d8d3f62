# Rejected events that nothing stands beside: what commits behind them is tried before
# anybody is judged, and a destination remembers that it has passed something before.
#
# The receiver rejects a request when the id of any event in it contains "poison".
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(ids);
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create;
my $path = '/shop/reject-if=poison';

sub rejected
{
	return $cluster->sql("SELECT count(*) FROM ecapi.request WHERE destination = 'shop' AND status = 400");
}

sub poison
{
	my (@names) = @_;

	return $cluster->sql('SELECT ' . join(', ', map { "ecapi_emit('login', id => 'poison-$_')" } @names));
}

sub failed
{
	return $cluster->sql("SELECT string_agg(event_id, ' ' ORDER BY seq) FROM ecapi.failed_event WHERE destination = 'shop'");
}

sub never_stopped
{
	my ($what) = @_;

	unlike($cluster->log_text, qr/destination "shop" is stopped/,
		"$what: it was never stopped");
	return;
}

$cluster->destination('shop', $receiver->url($path));
$cluster->emit('good', 1, 1);
$cluster->drained('shop');

# two of one transaction, alone in their request; the good one commits when both have
# been rejected
poison('a', 'b');
$cluster->wait_sql("SELECT count(*) = 3 FROM ecapi.request WHERE destination = 'shop' AND status = 400");
$cluster->emit('good', 2, 2);
$cluster->drained('shop');
is(failed(), 'poison-a poison-b', 'two of one transaction: they are at fault, as the one behind them passes');
never_stopped('two of one transaction');

# the first after ALTER SERVER, a good one behind it
$cluster->sql("ALTER SERVER shop OPTIONS (ADD batch_size '1')");
poison('c');
$cluster->emit('good', 3, 3);
$cluster->drained('shop');
is(failed(), 'poison-a poison-b poison-c', 'the first after ALTER SERVER is at fault');

# and nothing behind it: the place is one that has taken events before
$cluster->sql("ALTER SERVER shop OPTIONS (SET batch_size '2')");
poison('d');
$cluster->drained('shop');
is(failed(), 'poison-a poison-b poison-c poison-d', 'so it is with nothing behind it');
never_stopped('ALTER SERVER');
$cluster->all_there($receiver, 'shop', [ ids('good', 1, 3) ], 'the good ones are delivered');

# another place is not known; two events and nothing behind blame nobody
$cluster->alter('shop', url => $receiver->url('/deaf/status=400'));
$cluster->emit('deaf', 1, 1);
$cluster->stopped('shop', '%rejects every event%400%');
is(failed(), 'poison-a poison-b poison-c poison-d', 'a receiver that rejects everything: nobody is blamed');
$cluster->alter('shop', url => $receiver->url($path));
$cluster->drained('shop');
$cluster->all_there($receiver, 'shop', [ ids('good', 1, 3), 'deaf1' ], 'with what had waited');

$cluster->stop;
done_testing();
