# Quotas: a role that floods the outbox, or what is set aside, costs others nothing;
# a role that is alone keeps all, and so does a superuser.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiNode;
use EcapiReceiver;
use Test::More;

my $megabyte = 1024 * 1024;

# Roles that may emit and track; each owns a schema of its name.
sub roles
{
	my ($node, @roles) = @_;

	rows($node, "CREATE ROLE $_; GRANT USAGE ON SCHEMA ecapi TO $_; CREATE SCHEMA $_ AUTHORIZATION $_;"
		  . " GRANT EXECUTE ON ROUTINE ecapi_emit, ecapi.track, ecapi.capture, ecapi.backfill, ecapi.recapture TO $_")
	  for @roles;
	return;
}

# Run as a role; returns what was said on stderr, and checks that it succeeds.
sub as_role
{
	my ($node, $role, $sql) = @_;
	my ($status, $out, $error) = $node->psql('postgres', "SET ROLE $role; $sql");

	is($status, 0, "$role: the statement goes on") or diag($error);
	return $error;
}

# Statements that emit $count events of some 700 bytes each, PREFIX-1 and so on.
sub many
{
	my ($prefix, $count) = @_;

	return "SELECT count(ecapi_emit('purchase', value => i, currency_code => 'EUR', id => '$prefix-' || i,"
	  . " properties => jsonb_build_object('transaction_id', i::text, 'coupon', repeat('x', 500))))"
	  . " FROM generate_series(1, $count) i";
}

sub kept
{
	my ($node, $prefix) = @_;

	return rows($node, "SELECT count(*) FROM ecapi.outbox WHERE event->>'id' LIKE '$prefix-%'");
}

# What the view says of a role, as a hash.
sub uses
{
	my ($node, $role) = @_;
	my %uses;
	my @columns = qw(bytes bytes_limit is_dropped dropped set_aside_bytes set_aside_limit is_not_kept not_kept);

	@uses{@columns} = split /\|/,
	  rows($node, 'SELECT ' . join(', ', @columns) . " FROM ecapi.role_use WHERE role = '$role'::regrole"), -1;
	return \%uses;
}

sub total
{
	my ($node, $column) = @_;

	return rows($node, "SELECT $column FROM ecapi.outbox_use");
}

sub doctor
{
	my ($node, $severity, $what) = @_;

	return rows($node, "SELECT what || ' -- ' || what_to_do FROM ecapi.check() WHERE severity = '$severity' AND what ~ '$what'");
}

# A table of a role whose rows are events; a row of n < 0 cannot be captured.
sub orders
{
	my ($node, $role) = @_;

	rows($node, "SET ROLE $role; CREATE TABLE $role.orders (n bigint, note text, at timestamptz DEFAULT now(), PRIMARY KEY (n, note));"
		  . " SELECT ecapi.track('$role.orders', 'purchase', mapping =>"
		  . " '{\"id\": \"new.note || ''-'' || new.n\", \"value\": \"sqrt(new.n)\", \"currency_code\": \"''EUR''\", \"timestamp\": \"at\"}')");
	return;
}

# The outbox, where nothing empties it: without a worker, or while delivery is off.
for my $preload (0, 1)
{
	subtest 'the outbox' . ($preload ? '' : ', not preloaded') => sub {
		my $receiver = EcapiReceiver->start;
		my $node = ecapi_node("shared$preload", preload => $preload, conf => "ecapi.outbox_limit = 16MB\necapi.delivery = off\n");
		my $limit = 16 * $megabyte;

		roles($node, qw(flood quiet));
		orders($node, $_) for qw(flood quiet);
		create_destination($node, 'shop', $receiver->url('/off'));
		wait_sql($node, 'there is a worker', "SELECT state = 'running' FROM ecapi.worker()") if $preload;
		as_role($node, 'quiet', many('q1', 500));

		# all at once, in one transaction, and then by a track
		my $error = as_role($node, 'flood', many('f1', 40000));

		like($error, qr/WARNING:  role "flood" has used up its share of the outbox, its events are dropped/, 'a flood is told');
		is(scalar(() = $error =~ /has used up/g), 1, 'once');
		like($error, qr/more than 50 % \(ecapi\.outbox_share\) of ecapi\.outbox_limit, 16 MB/, 'by the limit');
		$error = as_role($node, 'flood', "INSERT INTO flood.orders SELECT n, 'f2' FROM generate_series(1, 20000) n");
		like($error, qr/role "flood" has used up its share/, 'a tracked table goes on, with the warning');
		my $flood = kept($node, 'f1') + kept($node, 'f2');

		cmp_ok(total($node, 'bytes'), '<', 0.98 * $limit, 'the outbox is not full');
		cmp_ok(total($node, 'bytes'), '>', 0.9 * $limit, 'and shares count only where it is nearly full');
		is($flood + total($node, 'dropped'), 60000, "each event is kept ($flood) or counted as dropped");

		as_role($node, 'quiet', many('q2', 100));
		as_role($node, 'quiet', "INSERT INTO quiet.orders SELECT n, 'q3' FROM generate_series(1, 100) n");
		is(join(' ', map { kept($node, $_) } qw(q1 q2 q3)), '500 100 100', 'of the other role all events are there');

		my $uses = uses($node, 'flood');

		is("$uses->{is_dropped} $uses->{bytes_limit}", 't ' . $limit / 2, 'the view says that the flood is dropped');
		cmp_ok(abs($uses->{bytes} - 0.9 * $limit), '<', 0.25 * $limit, 'what it takes is about right');
		is($uses->{dropped}, 60000 - $flood, 'its count, too') if $preload;
		is(uses($node, 'quiet')->{is_dropped}, 'f', 'the other role is not dropped');
		like(doctor($node, 'error', 'outbox_share'), qr/events of role flood take about \d+ (kB|MB) of the outbox/, 'so does the doctor');
		unlike(doctor($node, 'error', 'outbox_share'), qr/quiet/, 'and of nobody else');

		like(refused($node, "SET ROLE flood; CALL ecapi.backfill('flood.orders', 'purchase', '-infinity')", name => 'a backfill of the flood'),
			qr/ERROR:  .*role "flood" has used up its share of the outbox/s, 'drops nothing: it ends with an error');
		is(rows($node, many('s1', 10)), 10, 'a superuser emits');
		is(kept($node, 's1'), 10, 'and is not bound');

		# the others may fill what is left, and are then heard as long as they hold little
		as_role($node, 'quiet', many('q4', 8000));
		is(total($node, 'is_full'), 't', 'a second flood fills it');
		rows($node, 'CREATE ROLE late; GRANT EXECUTE ON ROUTINE ecapi_emit TO late');
		as_role($node, 'late', many('l1', 20));
		is(kept($node, 'l1'), 20, 'a role that holds nothing is heard when it is full');
		as_role($node, 'late', many('l2', 8000));
		cmp_ok(total($node, 'bytes'), '<', $limit * 1.07, 'up to a sixteenth of the limit beyond it');
		like(as_role($node, 'flood', many('f3', 10)), qr/outbox is full, events are dropped/, 'and nobody else is');

		# more room
		$node->append_conf('postgresql.conf', "ecapi.outbox_limit = 64MB\n");
		$node->reload;
		wait_sql($node, 'there is room', 'SELECT NOT is_full FROM ecapi.outbox_use');
		as_role($node, 'flood', many('f4', 10));
		is(kept($node, 'f4'), 10, 'with more room the flood is heard again');
		is(doctor($node, 'error', 'outbox_share'), '', 'and the doctor is content');
		$node->stop;
	};
}

subtest 'a role that is alone' => sub {
	my $node = ecapi_node('alone', preload => 0, conf => "ecapi.outbox_limit = 8MB\necapi.set_aside_limit = 1MB\n");

	roles($node, 'single');
	orders($node, 'single');
	my $error = as_role($node, 'single', many('a1', 20000));

	like($error, qr/outbox is full/, 'it fills the outbox');
	unlike($error, qr/share/, 'and has no share of it');
	cmp_ok(total($node, 'bytes'), '>=', 8 * $megabyte, 'to the limit');
	as_role($node, 'single', "INSERT INTO single.orders SELECT -n, 'a2' FROM generate_series(1, 5000) n");
	is(rows($node, 'SELECT count(*) FROM ecapi.failed_event'), 5000, 'what it sets aside is kept');
	is(total($node, 'not_kept'), 0, 'all of it');
	$node->stop;
};

# A role that most events are of loses none while a worker can make room, although a
# destination is down.
subtest 'a busy role and a destination that is down' => sub {
	my $receiver = EcapiReceiver->start;
	my $node = ecapi_node('busy', conf => "ecapi.outbox_limit = 16MB\n");

	roles($node, qw(busy quiet));
	create_destination($node, 'good', $receiver->url('/busy'));
	create_destination($node, 'down', $receiver->url('/busy/down/status=503'));
	as_role($node, 'quiet', many('q', 10));
	for my $i (1 .. 60)
	{
		as_role($node, 'busy', many("b$i", 500));
		wait_delivered($node, 'good');
		wait_sql($node, 'there is room', 'SELECT bytes < 0.9 * bytes_limit FROM ecapi.outbox_use');
		as_role($node, 'quiet', many("q$i", 10));
	}
	is(total($node, 'dropped'), 0, 'nothing is dropped');
	like(log_text($node), qr/"down" gave up \d+ events: the outbox was near ecapi\.outbox_limit/, 'what the one does not take is given up there');
	is(rows($node, "SELECT given_up FROM ecapi.destination WHERE destination = 'good'"), 0, 'and the other has all');
	$node->stop;
};

for my $preload (0, 1)
{
	subtest 'what is set aside' . ($preload ? '' : ', not preloaded') => sub {
		my $node = ecapi_node("aside$preload", preload => $preload, conf => "ecapi.set_aside_limit = 1MB\n");
		my $receiver = EcapiReceiver->start;

		# which brings the database a worker
		create_destination($node, 'shop', $receiver->url('/aside'));
		wait_sql($node, 'there is a worker', "SELECT state = 'running' FROM ecapi.worker()") if $preload;

		roles($node, qw(flood quiet));
		orders($node, $_) for qw(flood quiet);
		as_role($node, 'quiet', "INSERT INTO quiet.orders VALUES (-1, 'q1')");

		my $error = as_role($node, 'flood', "INSERT INTO flood.orders SELECT -n, 'f1' FROM generate_series(1, 10000) n");

		like($error, qr/WARNING:  what is set aside of role "flood" is not kept/, 'a flood of failing rows is told');
		is(scalar(() = $error =~ /is not kept/g), 1, 'once');
		is(rows($node, 'SELECT count(*) FROM flood.orders'), 10000, 'its rows are written');
		$error = as_role($node, 'flood', "SET ecapi.on_error = set_aside;"
			  . " SELECT count(ecapi_emit('purchase', value => i, id => 'f2-' || i)) FROM generate_series(1, 1000) i");
		like($error, qr/is not kept/, 'so are invalid events');
		unlike($error, qr/invalid event was set aside/, 'which are not said to be set aside');
		my $kept = rows($node, "SELECT count(*) FROM ecapi.failed_event WHERE emitter = 'flood'::regrole");

		cmp_ok(rows($node, "SELECT pg_total_relation_size('ecapi.failed_event')"), '<', 3 * $megabyte, 'the table stops growing');
		cmp_ok($kept, '>', 500, "what has room is kept ($kept)");
		is($kept + total($node, 'not_kept'), 11000, 'the rest is counted');
		as_role($node, 'quiet', "INSERT INTO quiet.orders SELECT -n, 'q2' FROM generate_series(1, 100) n");
		as_role($node, 'quiet', "SET ecapi.on_error = set_aside;"
			  . " SELECT count(ecapi_emit('purchase', value => i, id => 'q3-' || i)) FROM generate_series(1, 100) i");
		is(rows($node, "SELECT count(*) FROM ecapi.failed_event WHERE emitter = 'quiet'::regrole"), 201, 'of the other role all is kept');
		rows($node, "SET ecapi.on_error = set_aside; SELECT ecapi_emit('purchase', value => 1, id => 's')");
		is(rows($node, "SELECT count(*) FROM ecapi.failed_event WHERE event_id = 's'"), 1, "so is a superuser's");

		my $uses = uses($node, 'flood');

		is("$uses->{is_not_kept} $uses->{set_aside_limit}", "t $megabyte", 'the view says whose is not kept');
		is($uses->{not_kept}, 11000 - $kept, 'and how much') if $preload;
		is(uses($node, 'quiet')->{is_not_kept}, 'f', 'and that the others are');
		like(doctor($node, 'error', 'set_aside_limit'), qr/what is set aside of role flood takes about/, 'so does the doctor');

		# what is captured again makes room
		rows($node, "SET ROLE flood; SELECT ecapi.track('flood.orders', 'purchase', mapping =>"
			  . " '{\"id\": \"new.note || ''-'' || new.n\", \"value\": \"sqrt(abs(new.n))\", \"currency_code\": \"''EUR''\", \"timestamp\": \"at\"}')");
		rows($node, "SET ROLE flood; SELECT still_failing FROM ecapi.recapture('flood.orders')");
		rows($node, 'VACUUM ecapi.failed_event');
		is(doctor($node, 'error', 'set_aside_limit'), '', 'fixed and captured, nothing is beyond the limit');
		like(doctor($node, 'warning', 'not kept'), qr/\d+ events and rows could not be captured/, 'the doctor remembers what was lost');
		rows($node, 'ALTER SEQUENCE ecapi.not_kept_seq RESTART');
		is(doctor($node, 'warning', 'not kept'), '', 'until the count is forgotten');
		$node->stop;
	};
}

done_testing();
