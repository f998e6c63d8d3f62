# What a DBA does while an application works and requests are on their way, one
# of them to a receiver that answers after twenty seconds.
#
# Nothing that is done waits for that answer: it is told by the answer, which has
# not come when the command is done; how long each took is only printed.
# What was committed arrives, whatever was done meanwhile.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiLoad;
use EcapiNode;
use EcapiReceiver;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $SLOW = 'delay=20000';

my $receiver = EcapiReceiver->start;
my $credentials = PostgreSQL::Test::Utils::tempdir();
my $node = ecapi_node('main', credentials => $credentials, conf => "max_worker_processes = 20\n");
my $running = "SELECT state = 'running' FROM ecapi.worker()";

# Send one event to the slow receiver, and do something meanwhile.  The receiver
# keeps an event when it answers, and under this id no other is sent.
my $slow_events = 0;

sub while_slow
{
	my ($what, $database, $code) = @_;
	my $prefix = 'slow' . ++$slow_events;
	my $sleeps = $receiver->sleeps;

	emit($node, $prefix, 1, database => $database);
	$receiver->wait_for(sub { $_->sleeps > $sleeps }, 'a request on its way');
	my $began = time;

	$code->();
	note sprintf '%s: %.2f s', $what, time - $began;
	is(scalar(keys %{ ids_received($receiver, $prefix) }), 0, "$what did not wait for the answer");
	return;
}

sub slow_destination
{
	my ($path, $database) = @_;

	create_destination($node, 'slow', $receiver->url("/$path/$SLOW"), database => $database,
		options => "timeout '60s'");
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
	while_slow("$_ shutdown", 'postgres', sub { $node->stop($_) }), $node->start
	  for qw(fast immediate);
	rows($node, 'DROP SERVER slow');
};

subtest 'databases and extensions come and go' => sub {
	rows($node, "CREATE DATABASE $_") for qw(busy other);
	rows($node, 'CREATE EXTENSION ecapi', database => $_) for qw(busy other);
	slow_destination('busy', 'busy');
	create_destination($node, 'shop', $receiver->url('/other'), database => 'other');
	my $load = EcapiLoad->start($node, 'a', database => 'other');

	create_destination($node, 'here', $receiver->url('/here'));
	my $here = EcapiLoad->start($node, 'h');
	$load->wait_more(5);
	while_slow('DROP EXTENSION', 'busy',
		sub { rows($node, 'DROP EXTENSION ecapi CASCADE', database => 'busy') });
	rows($node, 'CREATE EXTENSION ecapi', database => 'busy');
	slow_destination('again', 'busy');
	while_slow('CREATE DATABASE ... TEMPLATE', 'busy',
		sub { rows($node, 'CREATE DATABASE copy TEMPLATE busy') });
	while_slow('ALTER DATABASE ... RENAME', 'busy',
		sub { rows($node, 'ALTER DATABASE busy RENAME TO busier') });
	wait_sql($node, 'the worker is back', $running, database => 'busier');
	$load->wait_more(5);
	$load->stop;
	all_arrived($load, 'a database beside it');
	wait_delivered($node, 'shop', database => 'other');
	while_slow('DROP DATABASE of another database', 'busier',
		sub { rows($node, 'DROP DATABASE other') });
	while_slow('DROP DATABASE', 'busier', sub { rows($node, 'DROP DATABASE busier') });
	wait_state($node, 'slow', 'stopped', detail => 'ecapi.adopt', database => 'copy');
	rows($node, 'DROP DATABASE copy');
	$here->wait_more(5);
	$here->stop;
	all_arrived($here, 'another database');
	rows($node, 'DROP SERVER here');
};

subtest 'ALTER SERVER under load' => sub {
	create_destination($node, 'moving', $receiver->url('/v0'), options => "batch_size '10', linger '0'");
	my $load = EcapiLoad->start($node, 'm');
	my @wrong;

	for my $version (1 .. 15)
	{
		$load->wait_more(3);
		rows($node, "ALTER SERVER moving OPTIONS (SET url '" . $receiver->url("/v$version") . "')");
		emit($node, "mark$version", 1);
		$receiver->wait_for(sub { keys %{ ids_received($_, "mark$version") } > 0 }, "mark $version");
		push @wrong, grep { $_->{id} eq "mark$version-1" && $_->{path} ne "/v$version" } $receiver->records;
	}
	is(scalar(@wrong), 0, 'what is emitted after a change goes by the new options');
	$load->stop;
	all_arrived($load, 'fifteen changes');
	rows($node, 'DROP SERVER moving');
};

subtest 'a token is rotated while 401s come' => sub {
	my $write = sub {
		append_to_file("$credentials/new", "$_[0]\n");
		rename "$credentials/new", "$credentials/shop.token" or die "rename: $!";
	};

	$write->('token0');
	$receiver->expect_auth('Bearer token0');
	create_destination($node, 'guarded', $receiver->url('/guarded'), options => "linger '0'",
		mapping => "access_token_file 'shop.token'");
	my $load = EcapiLoad->start($node, 'g');

	for my $n (1 .. 3)
	{
		$load->wait_more(3);
		$receiver->expect_auth("Bearer token$n");
		# while a token is new, the receiver may not know it yet
		wait_state($node, 'guarded', $n == 1 ? 'stopped' : 'waiting', detail => '401');
		$load->wait_more(3);
		$write->("token$n");
		wait_state($node, 'guarded', 'idle|delivering');
	}
	$load->wait_more(3);
	$write->('token4');
	wait_state($node, 'guarded', 'waiting', detail => '401');
	$receiver->expect_auth('Bearer token4');
	wait_state($node, 'guarded', 'idle|delivering');
	$load->stop;
	all_arrived($load, 'three rotations, and one that the receiver hears of last');
	$receiver->expect_auth(undef);
	is(rows($node, 'SELECT count(*) FROM ecapi.failed_event'), 0, 'no event was blamed for a token');
	rows($node, 'DROP SERVER guarded CASCADE');
};

subtest 'two databases at once, through restarts' => sub {
	rows($node, 'CREATE DATABASE two');
	rows($node, 'CREATE EXTENSION ecapi', database => 'two');
	create_destination($node, 'first', $receiver->url('/first/delay=50'), options => "linger '0'");
	create_destination($node, 'second', $receiver->url('/second/delay=50'), database => 'two',
		options => "linger '0'");
	my $first = EcapiLoad->start($node, 'one');
	my $second = EcapiLoad->start($node, 'two', database => 'two');

	for my $mode (qw(fast immediate))
	{
		$_->wait_more(5) for $first, $second;
		$node->stop($mode);
		$node->start;
	}
	$_->wait_more(5) for $first, $second;
	$_->stop for $first, $second;
	all_arrived($first, 'the first database');
	all_arrived($second, 'the second');
	my %path = map { ($_->{id} // '') =~ /^(one|two)-/ ? ("$1 $_->{path}" => 1) : () } $receiver->records;
	is(join(', ', sort keys %path), 'one /first/delay=50, two /second/delay=50',
		'each database delivers its own');
	rows($node, 'DROP DATABASE two');
	rows($node, 'DROP SERVER first');
};

subtest 'the preload line is removed' => sub {
	create_destination($node, 'shop', $receiver->url('/preload'), options => "linger '0'");
	my $load = EcapiLoad->start($node, 'p');
	my $tracked = EcapiLoad->start($node, 't', track => 1);

	$_->wait_more(5) for $load, $tracked;
	$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
	$node->restart;
	$_->errors for $load, $tracked;
	$_->wait_more(5) for $load, $tracked;
	is(join('', map { $_->errors } $load, $tracked), '', 'writers go on, without an error');
	is(rows($node, "SELECT state, detail FROM ecapi.destination"),
		'no worker|ecapi is not in shared_preload_libraries', 'the view says what is missing');
	cmp_ok(rows($node, 'SELECT backlog FROM ecapi.destination'), '>=', 10, 'and what waits');
	$node->append_conf('postgresql.conf', "shared_preload_libraries = 'ecapi'");
	$node->restart;
	$_->wait_more(3) for $load, $tracked;
	$_->stop for $load, $tracked;
	all_arrived($load, 'emitted');
	all_arrived($tracked, 'captured');
	wait_delivered($node, 'shop');
};

$node->stop;
done_testing();
