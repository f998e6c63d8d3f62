# Order, and the ends of a destination's life: where a new one starts, renaming,
# altering and dropping one that is delivering, and one that lags behind others.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(ids);
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start(args => [ '--threads', 2 ]);
my $cluster = EcapiCluster->create;

$cluster->sql('CREATE TABLE orders (id text PRIMARY KEY)');

sub ids_of
{
	my ($path) = @_;

	return map { $_->{id} } $receiver->records_at($path);
}

# An event by its id, as a statement.
sub event
{
	my ($id) = @_;

	return "SELECT ecapi_emit('purchase', value => 1, currency_code => 'EUR', id => '$id');\n";
}

# --- order: with one request at a time events of a transaction keep theirs,
# and a transaction that committed before another had written comes first

$cluster->destination('ordered', $receiver->url('/ordered/delay=5/random=10/status=503'),
	{ max_in_flight => 1, batch_size => 7 });
my @expected;
for my $i (1 .. 40)
{
	my $n = 1 + $i * 7 % 30;

	$cluster->emit("t$i-", 1, $n);
	push @expected, ids("t$i-", 1, $n);
}
# the same from inside subtransactions
$cluster->sql('BEGIN;' . event('s-1') . 'SAVEPOINT a;' . event('s-2') . 'SAVEPOINT b;'
	  . event('no') . 'ROLLBACK TO b;' . event('s-3') . 'RELEASE a;' . event('s-4') . 'COMMIT');
push @expected, ids('s-', 1, 4);
$cluster->drained('ordered');
my @got = ids_of('/ordered/delay=5/random=10/status=503');
is("@got", "@expected", 'one request at a time: events arrive in the order of their transactions');

# A transaction that was open for long does not hold up the others, and its own
# events stay in order.
my $long = $cluster->background_psql('postgres');
$long->query_safe('BEGIN');
$long->query_safe(event("long-$_")) for 1 .. 3;
$cluster->emit('meanwhile-', 1, 20);
$cluster->drained('ordered');
$cluster->all_there($receiver, 'ordered', [ @expected, ids('meanwhile-', 1, 20) ],
	'an open transaction does not hold up what committed after it began');
$long->query_safe(event("long-$_")) for 4 .. 6;
$long->query_safe('COMMIT');
$cluster->drained('ordered');
push @expected, ids('meanwhile-', 1, 20), ids('long-', 1, 6);
@got = ids_of('/ordered/delay=5/random=10/status=503');
is("@got", "@expected", 'and arrives in order when it commits');
$cluster->sql('DROP SERVER ordered');

# --- a new destination starts with what commits after its CREATE SERVER

# What was open then and commits later is sent whole, what had committed is not,
# though it be later than the creating transaction's snapshot.  The creating
# transaction commits after its own command: its events are sent, those before
# the command, too, at every isolation level.
for my $level ('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE')
{
	my $name = 'start_' . substr(lc $level, 0, 4);
	my $one = $cluster->background_psql('postgres');
	my $two = $cluster->background_psql('postgres');
	my $creator = $cluster->background_psql('postgres');

	$cluster->emit("$name-before-", 1, 5);
	$one->query_safe('BEGIN');
	$one->query_safe(event("$name-open-1"));
	$creator->query_safe("BEGIN ISOLATION LEVEL $level");
	$creator->query_safe(event("$name-creator-1"));
	# after the creator's snapshot, before the command: an old snapshot would
	# take this for something new
	$cluster->emit("$name-between-", 1, 5);
	$two->query_safe('BEGIN');
	$two->query_safe(event("$name-open-2"));
	$creator->query_safe('SAVEPOINT a');
	$creator->query_safe(event("$name-creator-2"));
	$creator->query_safe($cluster->destination_sql($name, $receiver->url("/$name")));
	$creator->query_safe(event("$name-creator-3"));
	$creator->query_safe('RELEASE a');
	$two->query_safe('COMMIT');
	$creator->query_safe(event("$name-creator-4"));
	$cluster->emit("$name-uncommitted-", 1, 5);
	$creator->query_safe('COMMIT');
	$cluster->emit("$name-after-", 1, 5);
	$one->query_safe(event("$name-open-3"));
	$one->query_safe('COMMIT');
	$cluster->drained($name);
	$cluster->all_there($receiver, $name,
		[ map { "$name-$_" } qw(open-1 open-2 open-3), ids('creator-', 1, 4), ids('uncommitted-', 1, 5), ids('after-', 1, 5) ],
		"CREATE SERVER in $level: just what commits after it");
	$_->quit for $one, $two, $creator;
	$cluster->sql("DROP SERVER $name");
}

# one that was rolled back leaves nothing behind
$cluster->sql('BEGIN;' . $cluster->destination_sql('undone', $receiver->url('/undone'))
	  . event('undone') . 'ROLLBACK');
is($cluster->sql('SELECT count(*) FROM ecapi.cursor'), 0, 'a rolled back CREATE SERVER leaves no cursor');

# --- a server that is created while event triggers do not run gets its cursor
# from the worker

$cluster->sql('BEGIN; SET LOCAL session_replication_role = replica;'
	  . $cluster->destination_sql('quiet', $receiver->url('/quiet')) . 'COMMIT');
$cluster->wait_row('quiet', "state = 'idle'");
$cluster->emit('quiet-', 1, 5);
$cluster->drained('quiet');
$cluster->all_there($receiver, 'quiet', [ ids('quiet-', 1, 5) ],
	'a server created without event triggers delivers');
$cluster->sql('BEGIN; SET LOCAL session_replication_role = replica; DROP SERVER quiet; COMMIT');
$cluster->wait_sql('SELECT count(*) = 0 FROM ecapi.cursor');
pass('and one dropped without them leaves no cursor');

# --- two destinations at different speeds both get everything; one that lags
# for long catches up

$cluster->destination('first', $receiver->url('/first'));
$cluster->destination('second', $receiver->url('/second/delay=20'),
	{ batch_size => 100, max_in_flight => 1 });
$cluster->destination('lagging', $receiver->url('/lagging'));
$cluster->pause('lagging');
@expected = ();
my $open = $cluster->background_psql('postgres');
$open->query_safe('BEGIN');
$open->query_safe(event('old'));
for my $i (1 .. 60)
{
	$cluster->emit("u$i-", 1, 50);
	push @expected, ids("u$i-", 1, 50);
	if ($i == 30)
	{
		# several logged ticks lie between the lagging one and the others
		$cluster->wait_sql('SELECT count(*) >= 2 FROM ecapi.tick');
		$open->query_safe(event('older'));
		$open->query_safe('COMMIT');
	}
}
$open->quit;
push @expected, 'old', 'older';
$cluster->drained('first', 'second');
$cluster->all_there($receiver, $_, \@expected, "$_: everything") for 'first', 'second';
is($cluster->row('lagging')->{backlog}, scalar @expected, 'the lagging one has it all before it');
$cluster->resume('lagging');
$cluster->emit('u-', 1, 500);
push @expected, ids('u-', 1, 500);
$cluster->drained('first', 'second', 'lagging');
$cluster->all_there($receiver, $_, \@expected, "$_: everything, again")
  for 'first', 'second', 'lagging';

# --- under load: rename, alter, drop

# A load that goes on until it is ended; what is committed of orders is what must
# arrive.
sub start_load
{
	my ($prefix) = @_;

	return $cluster->pgbench_beside(<<"EOSQL", '-c', 3);
\\set n random(1, 1000000000000000)
BEGIN;
INSERT INTO orders VALUES ('$prefix' || :n);
SELECT ecapi_emit('purchase', value => 1, currency_code => 'EUR', id => '$prefix' || :n);
COMMIT;
\\sleep 2 ms
EOSQL
}

sub orders { return split /\n/, $cluster->sql("SELECT id FROM orders WHERE id LIKE '$_[0]%'") }

sub wait_arrived
{
	my ($path, $count) = @_;

	return $receiver->wait_for(
		sub { $receiver->records_at($path) >= $count }, "$count at $path");
}

$cluster->sql('DROP SERVER first, second, lagging');
$cluster->destination('moving', $receiver->url('/moving0'), { batch_size => 20 });
$cluster->destination('steady', $receiver->url('/steady'));
my $load = start_load('m');
wait_arrived('/moving0', 100);
for my $i (1 .. 5)
{
	$cluster->alter('moving', url => $receiver->url("/moving$i/delay=10"));
	wait_arrived("/moving$i/delay=10", 100);
}
pass('ALTER SERVER under load: each url was used');
$cluster->sql('ALTER SERVER moving RENAME TO renamed');
$cluster->alter('renamed', url => $receiver->url('/renamed'));
wait_arrived('/renamed', 100);
# and once more, with the old name taken by another server at once
$cluster->sql('BEGIN; ALTER SERVER renamed RENAME TO third;'
	  . $cluster->destination_sql('renamed', $receiver->url('/newcomer')) . 'COMMIT');
wait_arrived('/newcomer', 100);
$cluster->end_background($load, 'INT');
$cluster->drained('third', 'steady', 'renamed');
$cluster->all_there($receiver, $_, [ orders('m') ], "ALTER SERVER under load: $_ has everything, once")
  for 'moving', 'steady';
my %count = map { $_ => $cluster->row($_)->{delivered} } qw(third steady renamed);
is($count{third}, $count{steady}, 'a renamed server keeps its cursor and its counts');
cmp_ok($count{renamed}, '<', $count{steady}, 'a new one under the old name starts again');
is($count{renamed}, scalar(ids_of('/newcomer')), 'and counts what it delivered');

# dropped in the middle, with requests under way
$load = start_load('d');
$cluster->alter('third', url => $receiver->url('/third/delay=300'));
$receiver->wait_for(sub { ids_of('/third/delay=300') >= 1 }, 'requests of the one to be dropped');
$cluster->sql('DROP SERVER third');
is($cluster->sql("SELECT count(*) FROM ecapi.cursor WHERE destination = 'third'"), 0,
	'DROP SERVER ends the cursor');
wait_arrived('/steady', scalar(ids_of('/steady')) + 100);
$cluster->end_background($load, 'INT');
$cluster->drained('steady', 'renamed');
$cluster->all_there($receiver, 'steady', [ orders('m'), orders('d') ],
	'DROP SERVER under load: the others have everything, once');
my @dropped = ids_of('/third/delay=300');
$cluster->emit('late-', 1, 10);
$cluster->drained('steady');
is(scalar(grep { /^late-/ } ids_of('/third/delay=300')), 0, 'DROP SERVER: nothing more is sent');
is($cluster->sql(q{SELECT string_agg(destination, ' ' ORDER BY destination) FROM ecapi.destination}),
	'renamed steady', 'the view lists what there is');
$cluster->destination('third', $receiver->url('/again'));
$cluster->emit('again-', 1, 10);
$cluster->drained('third');
is(join(' ', ids_of('/again')), join(' ', ids('again-', 1, 10)),
	'one created again under a dropped name starts again');
is($cluster->sql('SELECT state FROM ecapi.worker()'), 'running', 'the worker runs');

$cluster->stop;
done_testing();
