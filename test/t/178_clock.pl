# The wall clock is set back an hour, and forward again: nothing waits for it,
# nothing is lost, nothing is sent twice, and nothing is reported as an error.
#
# The server runs with test/clock/clock.c in front of its C library, so that only
# its own clock is set.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiClock;
use EcapiCluster qw(ids);
use EcapiReceiver;
use Test::More;

use constant HOUR => 3600;

my $clock = EcapiClock->new;
my $receiver = EcapiReceiver->start;
my $cluster = $clock->under(sub { EcapiCluster->create(conf => "track_commit_timestamp = on\n") });

$cluster->destination('plain', $receiver->url('/plain'));
$cluster->destination('limited', $receiver->url('/limited'), { rate_limit => 20, batch_size => 1 });
$cluster->destination('lingers', $receiver->url('/lingers'), { linger => '30min', batch_size => 100 });
$cluster->destination('away', $receiver->url('/away/status=503'));
$cluster->destination('asleep', $receiver->url('/asleep'));
$cluster->pause('asleep');

$cluster->emit('a', 1, 20);
$cluster->drained('plain', 'limited');
$cluster->wait_row('away', "state = 'waiting'");
is($cluster->row('lingers')->{delivered}, 0, 'a part-filled request lingers');

$clock->at(-HOUR);
is($cluster->sql('SELECT clock_timestamp() < (SELECT max(emitted_at) FROM ecapi.outbox)'), 't',
	'the clock is set back an hour');
$cluster->emit('b', 1, 20);
$cluster->drained('plain', 'limited');
# what came before goes; what is emitted then may have come too late for that request
$cluster->wait_row('lingers', 'delivered >= 20');
pass('what is emitted then is delivered, also where the rate is limited, and so is what lingered');
$cluster->alter('away', url => $receiver->url('/away'));
$cluster->drained('away');
pass('so is what waited for another try');

# backoff while the clock jumps
$receiver->stop;
$cluster->emit('c', 1, 20);
$cluster->wait_row('plain', "state = 'waiting'");
$clock->at(-2 * HOUR);
$receiver->start_again;
$cluster->drained('plain', 'limited', 'away');
pass('a destination that waited when the clock was set back is tried again by itself');

$clock->at(0);
$cluster->emit('d', 1, 20);
$cluster->drained('plain', 'limited', 'away');
$cluster->resume('asleep');
$cluster->drained('asleep');
pass('the clock is right again');

my @all = map { ids($_, 1, 20) } qw(a b c d);
$cluster->all_there($receiver, $_, \@all, "$_: each event is there") for qw(plain limited away asleep);
is($cluster->sql("SELECT count(*) FROM ecapi.destination WHERE failed + given_up > 0"), 0,
	'no event failed or was given up');
unlike($cluster->logfile && $cluster->log_text, qr/ecapi worker failed|PANIC|FATAL/,
	"nothing failed by the server's log");
$cluster->stop;
done_testing();
