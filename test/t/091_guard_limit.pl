# A destination that its guard has stopped keeps no event beyond the limits of the
# outbox: the others lose nothing, and once adopted it begins with what commits then.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(many);
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(
	workers => 1,
	conf => "autovacuum = off\necapi.retention = '1min'\necapi.outbox_limit = '16MB'\n");

$cluster->destination($_, $receiver->url("/$_")) for qw(live copied);
$cluster->sql("SELECT ecapi.pause('copied')");
$cluster->wait_sql("SELECT state = 'paused' FROM ecapi.cursor WHERE destination = 'copied'");
$cluster->sql("UPDATE ecapi.cursor_row SET system_identifier = 1 WHERE destination = 'copied'");
$cluster->terminate_worker;
$cluster->resume('copied');
$cluster->stopped('copied', '%ecapi.adopt()%');

# some 40 megabytes, more than the outbox may hold
for my $i (1 .. 30)
{
	$cluster->sql(many("e$i-", 1000, bytes => 700));
	$cluster->drained('live');
	$cluster->wait_sql('SELECT bytes < 0.95 * bytes_limit FROM ecapi.outbox_use');
}
is($cluster->sql('SELECT dropped FROM ecapi.outbox_use'), 0, 'no event is dropped');
is($cluster->row('live')->{delivered}, 30_000, 'the other destination has them all');

$cluster->sql("SELECT ecapi.adopt('copied')");
$cluster->emit('after', 1, 10);
$cluster->drained('copied');
is(join(' ', sort map { $_->{id} } grep { $_->{path} eq '/copied' } $receiver->records),
	join(' ', sort map { "after$_" } 1 .. 10), 'once adopted it has what commits later');

done_testing();
