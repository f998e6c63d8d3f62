# Quotas: a role that floods the outbox, or what is set aside, costs others nothing;
# a role that is alone keeps all, and so does a superuser.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(many);
use EcapiReceiver;
use Test::More;

my $megabyte = 1024 * 1024;

# Roles that may emit and track; each owns a schema of its name.
sub roles
{
	my ($cluster, @roles) = @_;

	$cluster->sql("CREATE ROLE $_; GRANT USAGE ON SCHEMA ecapi TO $_; CREATE SCHEMA $_ AUTHORIZATION $_;"
		  . " GRANT EXECUTE ON ROUTINE ecapi_emit, ecapi.track, ecapi.capture, ecapi.backfill, ecapi.recapture TO $_")
	  for @roles;
	return;
}

# Run as a role; returns what was said on stderr, and checks that it succeeds.
sub as_role
{
	my ($cluster, $role, $sql) = @_;
	my ($status, undef, $error) = $cluster->try_sql("SET ROLE $role; $sql");

	is($status, 0, "$role: the statement goes on") or diag($error);
	return $error;
}

sub kept
{
	my ($cluster, $prefix) = @_;

	return $cluster->sql("SELECT count(*) FROM ecapi.outbox WHERE event->>'id' LIKE '$prefix-%'");
}

# What the view says of a role, as a hash.
sub uses
{
	my ($cluster, $role) = @_;
	my %uses;
	my @columns = qw(bytes bytes_limit is_dropped dropped set_aside_bytes set_aside_limit is_not_kept not_kept);

	@uses{@columns} = split /\|/,
	  $cluster->sql('SELECT ' . join(', ', @columns) . " FROM ecapi.role_use WHERE role = '$role'::regrole"), -1;
	return \%uses;
}

sub total
{
	my ($cluster, $column) = @_;

	return $cluster->sql("SELECT $column FROM ecapi.outbox_use");
}

# A table of a role whose rows are events; a row of n < 0 cannot be captured.
sub orders
{
	my ($cluster, $role) = @_;

	$cluster->sql("SET ROLE $role; CREATE TABLE $role.orders (n bigint, note text, at timestamptz DEFAULT now(), PRIMARY KEY (n, note));"
		  . " SELECT ecapi.track('$role.orders', 'purchase', mapping =>"
		  . " '{\"id\": \"new.note || ''-'' || new.n\", \"value\": \"sqrt(new.n)\", \"currency_code\": \"''EUR''\", \"timestamp\": \"at\"}')");
	return;
}

# The outbox, where nothing empties it: without a worker, or while delivery is off.
for my $preload (0, 1)
{
	subtest 'the outbox' . ($preload ? '' : ', not preloaded') => sub {
		my $receiver = EcapiReceiver->start;
		my $cluster = EcapiCluster->create(name => "shared$preload", preload => $preload, conf => "ecapi.outbox_limit = 16MB\necapi.delivery = off\n");
		my $limit = 16 * $megabyte;

		roles($cluster, qw(flood quiet));
		orders($cluster, $_) for qw(flood quiet);
		$cluster->destination('shop', $receiver->url('/off'));
		$cluster->wait_sql("SELECT state = 'running' FROM ecapi.worker()", 'there is a worker') if $preload;
		as_role($cluster, 'quiet', many('q1-', 500));

		# all at once, in one transaction, and then by a track
		my $error = as_role($cluster, 'flood', many('f1-', 40000));

		like($error, qr/WARNING:  role "flood" has used up its share of the outbox, its events are dropped/, 'a flood is told');
		is(scalar(() = $error =~ /has used up/g), 1, 'once');
		like($error, qr/more than 50 % \(ecapi\.outbox_share\) of ecapi\.outbox_limit, 16 MB/, 'by the limit');
		$error = as_role($cluster, 'flood', "INSERT INTO flood.orders SELECT n, 'f2' FROM generate_series(1, 20000) n");
		like($error, qr/role "flood" has used up its share/, 'a tracked table goes on, with the warning');
		my $flood = kept($cluster, 'f1') + kept($cluster, 'f2');

		cmp_ok(total($cluster, 'bytes'), '<', 0.98 * $limit, 'the outbox is not full');
		cmp_ok(total($cluster, 'bytes'), '>', 0.9 * $limit, 'and shares count only where it is nearly full');
		is($flood + total($cluster, 'dropped'), 60000, "each event is kept ($flood) or counted as dropped");

		as_role($cluster, 'quiet', many('q2-', 100));
		as_role($cluster, 'quiet', "INSERT INTO quiet.orders SELECT n, 'q3' FROM generate_series(1, 100) n");
		is(join(' ', map { kept($cluster, $_) } qw(q1 q2 q3)), '500 100 100', 'of the other role all events are there');

		my $uses = uses($cluster, 'flood');

		is("$uses->{is_dropped} $uses->{bytes_limit}", 't ' . $limit / 2, 'the view says that the flood is dropped');
		cmp_ok(abs($uses->{bytes} - 0.9 * $limit), '<', 0.25 * $limit, 'what it takes is about right');
		is($uses->{dropped}, 60000 - $flood, 'its count, too') if $preload;
		is(uses($cluster, 'quiet')->{is_dropped}, 'f', 'the other role is not dropped');
		like($cluster->doctor('error', 'outbox_share'), qr/events of role flood take about \d+ (kB|MB) of the outbox/, 'so does the doctor');
		unlike($cluster->doctor('error', 'outbox_share'), qr/quiet/, 'and of nobody else');

		like($cluster->refused("SET ROLE flood; CALL ecapi.backfill('flood.orders', 'purchase', '-infinity')", 'a backfill of the flood'),
			qr/ERROR:  .*role "flood" has used up its share of the outbox/s, 'drops nothing: it ends with an error');
		is($cluster->sql(many('s1-', 10)), 10, 'a superuser emits');
		is(kept($cluster, 's1'), 10, 'and is not bound');

		# the others may fill what is left, and are then heard as long as they hold little
		as_role($cluster, 'quiet', many('q4-', 8000));
		is(total($cluster, 'is_full'), 't', 'a second flood fills it');
		$cluster->sql('CREATE ROLE late; GRANT EXECUTE ON ROUTINE ecapi_emit TO late');
		as_role($cluster, 'late', many('l1-', 20));
		is(kept($cluster, 'l1'), 20, 'a role that holds nothing is heard when it is full');
		as_role($cluster, 'late', many('l2-', 8000));
		cmp_ok(total($cluster, 'bytes'), '<', $limit * 1.07, 'up to a sixteenth of the limit beyond it');
		like(as_role($cluster, 'flood', many('f3-', 10)), qr/outbox is full, events are dropped/, 'and nobody else is');

		# more room
		$cluster->append_conf('postgresql.conf', "ecapi.outbox_limit = 64MB\n");
		$cluster->reload;
		$cluster->wait_sql('SELECT NOT is_full FROM ecapi.outbox_use', 'there is room');
		as_role($cluster, 'flood', many('f4-', 10));
		is(kept($cluster, 'f4'), 10, 'with more room the flood is heard again');
		is($cluster->doctor('error', 'outbox_share'), '', 'and the doctor is content');
		$cluster->stop;
	};
}

subtest 'a role that is alone' => sub {
	my $cluster = EcapiCluster->create(name => 'alone', preload => 0, conf => "ecapi.outbox_limit = 8MB\necapi.set_aside_limit = 1MB\n");

	roles($cluster, 'single');
	orders($cluster, 'single');
	my $error = as_role($cluster, 'single', many('a1-', 20000));

	like($error, qr/outbox is full/, 'it fills the outbox');
	unlike($error, qr/share/, 'and has no share of it');
	cmp_ok(total($cluster, 'bytes'), '>=', 8 * $megabyte, 'to the limit');
	as_role($cluster, 'single', "INSERT INTO single.orders SELECT -n, 'a2' FROM generate_series(1, 5000) n");
	is($cluster->sql('SELECT count(*) FROM ecapi.failed_event'), 5000, 'what it sets aside is kept');
	is(total($cluster, 'not_kept'), 0, 'all of it');
	$cluster->stop;
};

# A role that most events are of loses none while a worker can make room, although a
# destination is down.
subtest 'a busy role and a destination that is down' => sub {
	my $receiver = EcapiReceiver->start;
	my $cluster = EcapiCluster->create(name => 'busy', conf => "ecapi.outbox_limit = 16MB\n");

	roles($cluster, qw(busy quiet));
	$cluster->destination('good', $receiver->url('/busy'));
	$cluster->destination('down', $receiver->url('/busy/down/status=503'));
	as_role($cluster, 'quiet', many('q-', 10));
	for my $i (1 .. 60)
	{
		as_role($cluster, 'busy', many("b$i-", 500));
		$cluster->drained('good');
		$cluster->wait_sql('SELECT bytes < 0.9 * bytes_limit FROM ecapi.outbox_use', 'there is room');
		as_role($cluster, 'quiet', many("q$i-", 10));
	}
	is(total($cluster, 'dropped'), 0, 'nothing is dropped');
	like($cluster->log_text, qr/"down" gave up \d+ events: the outbox was near ecapi\.outbox_limit/, 'what the one does not take is given up there');
	is($cluster->sql("SELECT given_up FROM ecapi.destination WHERE destination = 'good'"), 0, 'and the other has all');
	$cluster->stop;
};

for my $preload (0, 1)
{
	subtest 'what is set aside' . ($preload ? '' : ', not preloaded') => sub {
		my $cluster = EcapiCluster->create(name => "aside$preload", preload => $preload, conf => "ecapi.set_aside_limit = 1MB\n");
		my $receiver = EcapiReceiver->start;

		# which brings the database a worker
		$cluster->destination('shop', $receiver->url('/aside'));
		$cluster->wait_sql("SELECT state = 'running' FROM ecapi.worker()", 'there is a worker') if $preload;

		roles($cluster, qw(flood quiet));
		orders($cluster, $_) for qw(flood quiet);
		as_role($cluster, 'quiet', "INSERT INTO quiet.orders VALUES (-1, 'q1')");

		my $error = as_role($cluster, 'flood', "INSERT INTO flood.orders SELECT -n, 'f1' FROM generate_series(1, 10000) n");

		like($error, qr/WARNING:  what is set aside of role "flood" is not kept/, 'a flood of failing rows is told');
		is(scalar(() = $error =~ /is not kept/g), 1, 'once');
		is($cluster->sql('SELECT count(*) FROM flood.orders'), 10000, 'its rows are written');
		$error = as_role($cluster, 'flood', "SET ecapi.on_error = set_aside;"
			  . " SELECT count(ecapi_emit('purchase', value => i, id => 'f2-' || i)) FROM generate_series(1, 1000) i");
		like($error, qr/is not kept/, 'so are invalid events');
		unlike($error, qr/invalid event was set aside/, 'which are not said to be set aside');
		my $kept = $cluster->sql("SELECT count(*) FROM ecapi.failed_event WHERE emitter = 'flood'::regrole");

		cmp_ok($cluster->sql("SELECT pg_total_relation_size('ecapi.failed_event')"), '<', 3 * $megabyte, 'the table stops growing');
		cmp_ok($kept, '>', 500, "what has room is kept ($kept)");
		is($kept + total($cluster, 'not_kept'), 11000, 'the rest is counted');
		as_role($cluster, 'quiet', "INSERT INTO quiet.orders SELECT -n, 'q2' FROM generate_series(1, 100) n");
		as_role($cluster, 'quiet', "SET ecapi.on_error = set_aside;"
			  . " SELECT count(ecapi_emit('purchase', value => i, id => 'q3-' || i)) FROM generate_series(1, 100) i");
		is($cluster->sql("SELECT count(*) FROM ecapi.failed_event WHERE emitter = 'quiet'::regrole"), 201, 'of the other role all is kept');
		$cluster->sql("SET ecapi.on_error = set_aside; SELECT ecapi_emit('purchase', value => 1, id => 's')");
		is($cluster->sql("SELECT count(*) FROM ecapi.failed_event WHERE event_id = 's'"), 1, "so is a superuser's");

		my $uses = uses($cluster, 'flood');

		is("$uses->{is_not_kept} $uses->{set_aside_limit}", "t $megabyte", 'the view says whose is not kept');
		is($uses->{not_kept}, 11000 - $kept, 'and how much') if $preload;
		is(uses($cluster, 'quiet')->{is_not_kept}, 'f', 'and that the others are');
		like($cluster->doctor('error', 'set_aside_limit'), qr/what is set aside of role flood takes about/, 'so does the doctor');

		# what is captured again makes room
		$cluster->sql("SET ROLE flood; SELECT ecapi.track('flood.orders', 'purchase', mapping =>"
			  . " '{\"id\": \"new.note || ''-'' || new.n\", \"value\": \"sqrt(abs(new.n))\", \"currency_code\": \"''EUR''\", \"timestamp\": \"at\"}')");
		$cluster->sql("SET ROLE flood; SELECT still_failing FROM ecapi.recapture('flood.orders')");
		$cluster->sql('VACUUM ecapi.failed_event');
		is($cluster->doctor('error', 'set_aside_limit'), '', 'fixed and captured, nothing is beyond the limit');
		like($cluster->doctor('warning', 'not kept'), qr/\d+ events and rows could not be captured/, 'the doctor remembers what was lost');
		$cluster->sql('ALTER SEQUENCE ecapi.not_kept_seq RESTART');
		is($cluster->doctor('warning', 'not kept'), '', 'until the count is forgotten');
		$cluster->stop;
	};
}

done_testing();
