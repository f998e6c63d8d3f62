# Fail-over by Patroni, with etcd: in each round the primary is killed under load, by SIGKILL of
# its postmaster or of all that runs on its machine, and Patroni promotes the standby by itself
# and makes the old primary the standby of the new one.  Synchronous and asynchronous in turn.
# What the new primary has arrives and nothing else does, with a synchronous standby nothing
# that was acknowledged is lost, and the old primary sends nothing.  The settings are those of the manual
# (doc/operating.md).
#
# ECAPI_ROUNDS: how many rounds there are (2).
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiPatroni;
use EcapiReceiver;
use Test::More;

plan skip_all => 'needs the programs ' . join(', ', EcapiPatroni::missing()) . ' of the packages patroni, python3-etcd and etcd-server' if EcapiPatroni::missing();

my $receiver = EcapiReceiver->start;
my $pair = EcapiPatroni->start($receiver);

$pair->round($_) for 1 .. $ENV{ECAPI_ROUNDS} // 2;
$pair->two_primaries;
$pair->sum_up;
$pair->stop;
$receiver->stop;
done_testing();
