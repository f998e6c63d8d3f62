# What a DBA does while an application works and requests are on their way, one
# of them to a receiver that answers after twenty seconds.
#
# Nothing that is done waits for that answer, which has not come when the command is
# done; how long each took is only printed.
# What was committed arrives, whatever was done meanwhile.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiLoad;
use EcapiCluster;
use EcapiReceiver;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $SLOW = 'delay=20000';

my $receiver = EcapiReceiver->start;
my $credentials = PostgreSQL::Test::Utils::tempdir();
my $cluster = EcapiCluster->create(credentials => $credentials, conf => "max_worker_processes = 20\n");
my $running = "SELECT state = 'running' FROM ecapi.worker()";

# Send one event to the slow receiver, and do something meanwhile.  The receiver
# keeps an event when it answers, and under this id no other is sent.
my $slow_events = 0;

sub while_slow
{
	my ($what, $database, $code) = @_;
	my $prefix = 'slow' . ++$slow_events;
	my $sleeps = $receiver->sleeps;

	$cluster->in($database)->emit("$prefix-", 1, 1);
	$receiver->wait_for(sub { $_->sleeps > $sleeps }, 'a request on its way');
	my $began = time;

	$code->();
	note sprintf '%s: %.2f s', $what, time - $began;
	is(scalar(keys %{ $receiver->ids_received($prefix) }), 0, "$what did not wait for the answer");
	return;
}

sub slow_destination
{
	my ($path, $database) = @_;

	$cluster->in($database)->destination('slow', $receiver->url("/$path/$SLOW"), { timeout => '60s' });
	return;
}

# All ids of a load are at a path (and nothing of it that it did not commit).
sub all_arrived
{
	my ($load, $name) = @_;
	my %wanted = map { $_ => 1 } $load->ids;
	my $prefix = $load->{track} ? "load_$load->{prefix}:" : "$load->{prefix}-";
	my %seen;

	$receiver->wait_for(sub {
			%seen = map { $_->{id} => 1 } grep { index($_->{id} // '', $prefix) == 0 } $receiver->records;
			return !grep { !$seen{$_} } keys %wanted;
		}, "all events of $load->{prefix}");
	is((grep { !$wanted{$_} } keys %seen), 0,
		"$name: all " . keys(%wanted) . ' committed events arrived, and no other');
	return;
}

subtest 'shutdown with requests in flight' => sub {
	slow_destination('one', 'postgres');
	while_slow("$_ shutdown", 'postgres', sub { $cluster->stop($_) }), $cluster->start
	  for qw(fast immediate);
	$cluster->sql('DROP SERVER slow');
};

subtest 'databases and extensions come and go' => sub {
	$cluster->sql("CREATE DATABASE $_") for qw(busy other);
	$cluster->in($_)->sql('CREATE EXTENSION ecapi') for qw(busy other);
	slow_destination('busy', 'busy');
	$cluster->in('other')->destination('shop', $receiver->url('/other'));
	my $load = EcapiLoad->start($cluster->in('other'), 'a');

	$cluster->destination('here', $receiver->url('/here'));
	my $here = EcapiLoad->start($cluster, 'h');
	$load->wait_more(5);
	while_slow('DROP EXTENSION', 'busy',
		sub { $cluster->in('busy')->sql('DROP EXTENSION ecapi CASCADE') });
	$cluster->in('busy')->sql('CREATE EXTENSION ecapi');
	slow_destination('again', 'busy');
	while_slow('CREATE DATABASE ... TEMPLATE', 'busy',
		sub { $cluster->sql('CREATE DATABASE copy TEMPLATE busy') });
	while_slow('ALTER DATABASE ... RENAME', 'busy',
		sub { $cluster->sql('ALTER DATABASE busy RENAME TO busier') });
	$cluster->in('busier')->wait_sql($running, 'the worker is back');
	$load->wait_more(5);
	$load->stop;
	all_arrived($load, 'a database beside it');
	$cluster->in('other')->drained('shop');
	while_slow('DROP DATABASE of another database', 'busier',
		sub { $cluster->sql('DROP DATABASE other') });
	while_slow('DROP DATABASE', 'busier', sub { $cluster->sql('DROP DATABASE busier') });
	$cluster->in('copy')->wait_state('slow', 'stopped', 'ecapi.adopt');
	$cluster->sql('DROP DATABASE copy');
	$here->wait_more(5);
	$here->stop;
	all_arrived($here, 'another database');
	$cluster->sql('DROP SERVER here');
};

subtest 'ALTER SERVER under load' => sub {
	$cluster->destination('moving', $receiver->url('/v0'), { batch_size => 10, linger => 0 });
	my $load = EcapiLoad->start($cluster, 'm');
	my @wrong;

	for my $version (1 .. 15)
	{
		$load->wait_more(3);
		$cluster->sql("ALTER SERVER moving OPTIONS (SET url '" . $receiver->url("/v$version") . "')");
		$cluster->emit("mark$version-", 1, 1);
		$receiver->wait_for(sub { keys %{ $_->ids_received("mark$version") } > 0 }, "mark $version");
		push @wrong, grep { $_->{id} eq "mark$version-1" && $_->{path} ne "/v$version" } $receiver->records;
	}
	is(scalar(@wrong), 0, 'what is emitted after a change goes by the new options');
	$load->stop;
	all_arrived($load, 'fifteen changes');
	$cluster->sql('DROP SERVER moving');
};

subtest 'a token is rotated while 401s come' => sub {
	my $write = sub {
		append_to_file("$credentials/new", "$_[0]\n");
		rename "$credentials/new", "$credentials/shop.token" or die "rename: $!";
	};

	$write->('token0');
	$receiver->expect_auth('Bearer token0');
	$cluster->destination('guarded', $receiver->url('/guarded'), { linger => 0 }, { access_token_file => 'shop.token' });
	my $load = EcapiLoad->start($cluster, 'g');

	for my $n (1 .. 3)
	{
		$load->wait_more(3);
		$receiver->expect_auth("Bearer token$n");
		# while a token is new, the receiver may not know it yet
		$cluster->wait_state('guarded', $n == 1 ? 'stopped' : 'waiting', '401');
		$load->wait_more(3);
		$write->("token$n");
		$cluster->wait_state('guarded', 'idle|delivering');
	}
	$load->wait_more(3);
	$write->('token4');
	$cluster->wait_state('guarded', 'waiting', '401');
	$receiver->expect_auth('Bearer token4');
	$cluster->wait_state('guarded', 'idle|delivering');
	$load->stop;
	all_arrived($load, 'three rotations, and one that the receiver hears of last');
	$receiver->expect_auth(undef);
	is($cluster->sql('SELECT count(*) FROM ecapi.failed_event'), 0, 'no event was blamed for a token');
	$cluster->sql('DROP SERVER guarded CASCADE');
};

subtest 'two databases at once, through restarts' => sub {
	$cluster->sql('CREATE DATABASE two');
	$cluster->in('two')->sql('CREATE EXTENSION ecapi');
	$cluster->destination('first', $receiver->url('/first/delay=50'), { linger => 0 });
	$cluster->in('two')->destination('second', $receiver->url('/second/delay=50'), { linger => 0 });
	my $first = EcapiLoad->start($cluster, 'one');
	my $second = EcapiLoad->start($cluster->in('two'), 'two');

	for my $mode (qw(fast immediate))
	{
		$_->wait_more(5) for $first, $second;
		$cluster->stop($mode);
		$cluster->start;
	}
	$_->wait_more(5) for $first, $second;
	$_->stop for $first, $second;
	all_arrived($first, 'the first database');
	all_arrived($second, 'the second');
	my %path = map { ($_->{id} // '') =~ /^(one|two)-/ ? ("$1 $_->{path}" => 1) : () } $receiver->records;
	is(join(', ', sort keys %path), 'one /first/delay=50, two /second/delay=50',
		'each database delivers its own');
	$cluster->sql('DROP DATABASE two');
	$cluster->sql('DROP SERVER first');
};

subtest 'the preload line is removed' => sub {
	$cluster->destination('shop', $receiver->url('/preload'), { linger => 0 });
	my $load = EcapiLoad->start($cluster, 'p');
	my $tracked = EcapiLoad->start($cluster, 't', track => 1);

	$_->wait_more(5) for $load, $tracked;
	$cluster->append_conf('postgresql.conf', "shared_preload_libraries = ''");
	$cluster->restart;
	$_->errors for $load, $tracked;
	$_->wait_more(5) for $load, $tracked;
	is(join('', map { $_->errors } $load, $tracked), '', 'writers go on, without an error');
	is($cluster->sql("SELECT state, detail FROM ecapi.destination"),
		'no worker|ecapi is not in shared_preload_libraries', 'the view says what is missing');
	cmp_ok($cluster->sql('SELECT backlog FROM ecapi.destination'), '>=', 10, 'and what waits');
	$cluster->append_conf('postgresql.conf', "shared_preload_libraries = 'ecapi'");
	$cluster->restart;
	$_->wait_more(3) for $load, $tracked;
	$_->stop for $load, $tracked;
	all_arrived($load, 'emitted');
	all_arrived($tracked, 'captured');
	$cluster->drained('shop');
};

$cluster->stop;
done_testing();
