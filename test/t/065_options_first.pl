# An event is never sent by options older than those that were committed before
# it was emitted: not to an old address, not without the credential that was
# given meanwhile.
#
# Many rounds, each a change of the address and then an event, as fast as one
# session makes them: the worker reads the event while it is yet to hear of the
# change.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use Test::More;

my $rounds = 300;
my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create;

$cluster->destination('shop', $receiver->url('/0'));
$cluster->sql(join(';', map {
			"ALTER SERVER shop OPTIONS (SET url '" . $receiver->url("/$_") . "')",
			"SELECT ecapi_emit('login', id => 'r-$_')"
		} 1 .. $rounds));
$receiver->wait_received('r', $rounds);

my @late = grep { ($_->{path} =~ m{^/(\d+)$})[0] < ($_->{id} =~ /^r-(\d+)$/)[0] } $receiver->records;
is(join(' ', map { "$_->{id} to $_->{path}" } @late), '', 'no event went to an older address');
my %paths = map { $_->{path} => 1 } $receiver->requests;
cmp_ok(scalar(keys %paths), '>', 1, 'in ' . keys(%paths) . ' requests, to as many addresses');

$cluster->stop;
done_testing();
