# Fail-over by pg_auto_failover: in each round all that runs on the machine of the primary is
# killed under load, by SIGKILL, and the monitor has the standby promoted; the old primary is
# started again and becomes the standby of the new one.  Synchronous and asynchronous in turn.
# What the new primary has arrives and nothing else does, with a synchronous standby nothing
# that was acknowledged is lost, and the old primary sends nothing.  The settings are those of
# the manual (doc/operating.md).
#
# ECAPI_ROUNDS: how many rounds there are (2).
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiAutoFailover;
use EcapiReceiver;
use Test::More;

plan skip_all => 'needs ' . join(' and ', EcapiAutoFailover::missing()) . ' of the package postgresql-15-auto-failover' if EcapiAutoFailover::missing();

my $receiver = EcapiReceiver->start;
my $pair = EcapiAutoFailover->start($receiver);

$pair->round($_) for 1 .. $ENV{ECAPI_ROUNDS} // 2;
$pair->server_again;
$pair->two_primaries;
$pair->sum_up;
$pair->stop;
$receiver->stop;
done_testing();
