# Enrichments in the worker: patches arrive; a page is enriched once, however
# many destinations list the function; one that fails holds only those that
# list it, or its events are left unpatched, or put aside, as enrich_on_error
# says; what cannot be called is waited for and goes on by itself; a worker that
# is killed while it enriches loses nothing.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(ids literal);
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(workers => 1, conf => "track_functions = 'all'\nrestart_after_crash = on\n");

$cluster->sql(q{
	CREATE ROLE shopkeeper;
	CREATE SCHEMA shop AUTHORIZATION shopkeeper;
	GRANT USAGE ON SCHEMA ecapi TO shopkeeper;
});

# A function of the shop: a row for every event, by an expression over e.
sub enrichment
{
	my ($name, $patch, $before) = @_;

	$before //= '';
	return $cluster->sql(qq{
		SET ROLE shopkeeper;
		CREATE OR REPLACE FUNCTION shop.$name(page ecapi.event[])
		RETURNS TABLE (seq bigint, patch jsonb) LANGUAGE plpgsql STABLE AS \$f\$
		BEGIN
			$before
			RETURN QUERY SELECT e.seq, $patch FROM unnest(page) e;
		END \$f\$;
	});
}

sub calls
{
	my ($name) = @_;

	return "SELECT coalesce(sum(calls), 0) FROM pg_stat_user_functions WHERE funcname = '$name'";
}

# Values that a receiver got of a data set, by id.
sub values_of
{
	my ($data_set) = @_;

	return map { $_->{id} => $_->{value} } grep { $_->{data_set_id} eq $data_set } $receiver->records;
}

sub failed
{
	my ($name) = @_;

	return $cluster->sql("SELECT coalesce(string_agg(concat_ws(' ', event_id, state, reason), E'\\n'"
		  . " ORDER BY seq), '') FROM ecapi.failed_event WHERE destination = " . literal($name));
}

# Counts of the ledger: outcome, reason, events.
sub ledger
{
	my ($name) = @_;

	return $cluster->sql("SELECT string_agg(l, ', ' ORDER BY l) FROM (SELECT concat_ws(' ', outcome,"
		  . " reason, sum(events)) AS l FROM ecapi.ledger WHERE destination = " . literal($name)
		  . " GROUP BY outcome, reason) x");
}

# --- patches arrive, by one call for a page of two destinations

enrichment('doubled', "jsonb_build_object('value', e.value * 2)");
$cluster->destination('one', $receiver->url('/one'), { enrich => 'shop.doubled' });
$cluster->destination('two', $receiver->url('/two'), { enrich => 'shop.doubled', mode => 'shadow' });
$cluster->destination('plain', $receiver->url('/plain'));
# once they have delivered something they stand at the same place
$cluster->emit('a', 0, 0);
$cluster->drained('one', 'two', 'plain');
enrichment('counted', "jsonb_build_object('value', e.value * 2)");
$cluster->alter($_, enrich => 'shop.counted') for qw(one two);
$cluster->emit('a', 1, 3000);
$cluster->drained('one', 'two', 'plain');
$cluster->all_there($receiver, $_, [ ids('a', 0, 3000) ], "all events arrive at $_") for qw(one plain);
my %values = values_of('one');
is(scalar(grep { $values{"a$_"} == 2 * $_ } 1 .. 3000), 3000, 'each with its patch');
%values = values_of('plain');
is(scalar(grep { $values{"a$_"} == $_ } 1 .. 3000), 3000,
	'and as it was where no enrichment is listed');
is(ledger('two'), 'shadow 3001', 'shadow mode enriches, too');
# statistics of the worker arrive a little later: those of a further event, last
enrichment('last', 'NULL::jsonb');
$cluster->destination('last', $receiver->url('/last'), { enrich => 'shop.last' });
$cluster->emit('a', 3001, 3001);
$cluster->drained('one', 'two', 'plain', 'last');
$cluster->wait_sql('(' . calls('last') . ') > 0');
is($cluster->sql(calls('counted')), 3, 'once for each of two pages, and a third, for both destinations');
$cluster->sql('DROP SERVER last');
$cluster->sql('DROP SERVER two');

# --- hold: a failing one holds those that list it, until it is fixed

enrichment('broken', 'NULL::jsonb', "PERFORM 1 / 0;");
$cluster->destination('held', $receiver->url('/held'), { enrich => 'shop.doubled, shop.broken' });
$cluster->emit('b', 1, 50);
$cluster->wait_row('held', "state = 'waiting' AND detail LIKE '%shop.broken%22012%'");
$cluster->drained('one', 'plain');
$cluster->all_there($receiver, 'one', [ ids('a', 0, 3001), ids('b', 1, 50) ],
	'what shares another function with it goes on');
is(scalar(grep { $_->{data_set_id} eq 'held' } $receiver->records), 0, 'what is held sends nothing');
is($cluster->row('held')->{backlog}, 50, 'and keeps its events');
enrichment('broken', "jsonb_build_object('value', e.value + 1)");
$cluster->drained('held');
$cluster->all_there($receiver, 'held', [ ids('b', 1, 50) ], 'fixed, it goes on by itself');
%values = values_of('held');
is(scalar(grep { $values{"b$_"} == 2 * $_ + 1 } 1 .. 50), 50, 'with the patches of both functions');
$cluster->sql('DROP SERVER held');

# --- skip and dead: one bad event costs nobody else the patch

enrichment('picky', "jsonb_build_object('value', 1000 / (e.value - 13))");
$cluster->destination('skips', $receiver->url('/skips'),
	{ enrich => 'shop.picky', enrich_on_error => 'skip' });
$cluster->destination('kills', $receiver->url('/kills'),
	{ enrich => 'shop.picky', enrich_on_error => 'dead' });
$cluster->emit('c', 1, 300);
$cluster->drained('skips', 'kills');
$cluster->all_there($receiver, 'skips', [ ids('c', 1, 300) ], 'skip: all events arrive');
%values = values_of('skips');
is($values{c13}, 13, 'the one at fault as it was');
is(scalar(grep { abs($values{"c$_"} - 1000 / ($_ - 13)) < 1e-6 } grep { $_ != 13 } 1 .. 300), 299,
	'all others with their patches');
is($cluster->sql("SELECT enrich_skipped FROM ecapi.destination WHERE destination = 'skips'"), '1',
	'and it is counted');
$cluster->all_there($receiver, 'kills', [ grep { $_ ne 'c13' } ids('c', 1, 300) ],
	'dead: all others arrive');
like(failed('kills'), qr/^c13 dead .*shop\.picky.*22012/, 'the one at fault is dead, with the reason');
is(ledger('kills'), 'delivered 299, failed enrichment failed 1', 'and counted by its reason');
$cluster->sql('DROP SERVER skips; DROP SERVER kills');

# --- a refused patch is its event's own matter

enrichment('renames', "CASE e.id WHEN 'd2' THEN '{\"id\": \"other\"}' ELSE '{\"value\": 7}' END::jsonb");
$cluster->destination('waits', $receiver->url('/waits'), { enrich => 'shop.renames' });
$cluster->destination('skips', $receiver->url('/skips'),
	{ enrich => 'shop.renames', enrich_on_error => 'skip', data_set_id => 'skips2' });
$cluster->emit('d', 1, 4);
$cluster->drained('waits', 'skips');
$cluster->all_there($receiver, 'waits', [qw(d1 d3 d4)], 'neighbours of a refused patch pass');
like(failed('waits'), qr/^d2 waiting .*shop\.renames.*id/, 'hold: the event waits in failed_event');
%values = values_of('skips2');
is(join(' ', map { "$_=$values{$_}" } sort keys %values), 'd1=7 d2=2 d3=7 d4=7',
	'skip: it goes unpatched');
is($cluster->sql("SELECT enrich_skipped FROM ecapi.destination WHERE destination = 'skips'"), '1',
	'and is counted');
enrichment('renames', "'{\"value\": 8}'::jsonb");
$cluster->sql("SELECT ecapi.retry('waits')");
$cluster->wait_for(sub { failed('waits') eq '' }, 'the retried event is delivered');
%values = values_of('waits');
is($values{d2}, 8, 'tried again, it is enriched again');
$cluster->sql('DROP SERVER waits; DROP SERVER skips');

# --- what may not be called is waited for

enrichment('private', "'{\"value\": 5}'::jsonb");
$cluster->sql('ALTER FUNCTION shop.private OWNER TO CURRENT_USER');
$cluster->destination('asks', $receiver->url('/asks'), { mode => 'live' });
$cluster->sql('BEGIN; ALTER FUNCTION shop.private OWNER TO shopkeeper;'
	  . " ALTER SERVER asks OPTIONS (ADD enrich 'shop.private'); COMMIT;"
	  . 'ALTER FUNCTION shop.private OWNER TO CURRENT_USER');
$cluster->emit('e', 1, 3);
$cluster->wait_row('asks', "state = 'waiting' AND detail LIKE '%shop.private%superuser%'");
$cluster->sql('ALTER FUNCTION shop.private OWNER TO shopkeeper');
$cluster->drained('asks');
$cluster->all_there($receiver, 'asks', [ ids('e', 1, 3) ], 'given to another owner, it is called');
$cluster->sql('DROP SERVER asks');

# --- a superuser's function at a superuser's destination runs as the role that stands in

enrichment('stands_in', "'{\"value\": 6}'::jsonb",
	q{IF current_user <> 'shopkeeper' THEN RAISE 'not the role'; END IF;});
$cluster->sql('ALTER FUNCTION shop.stands_in OWNER TO CURRENT_USER');
$cluster->sql('ALTER DATABASE postgres SET ecapi.run_as = shopkeeper');
$cluster->destination('by_role', $receiver->url('/by_role'), { enrich => 'shop.stands_in' });
$cluster->emit('r', 1, 3);
$cluster->wait_row('by_role', "state = 'waiting' AND detail LIKE '%shop.stands_in%superuser%'");
$cluster->sql('SELECT pg_terminate_backend(pid) FROM ecapi.worker()');
$cluster->drained('by_role');
%values = values_of('by_role');
is(join(' ', map { "$_=$values{$_}" } sort keys %values), 'r1=6 r2=6 r3=6',
	'a worker that began after the role was named runs the function as it');
$cluster->sql('DROP SERVER by_role');
$cluster->sql('ALTER DATABASE postgres RESET ecapi.run_as');

# --- a function that takes too long is skipped, and does not starve the others

$cluster->sql(q{ALTER SYSTEM SET ecapi.enrich_timeout = '200ms'; SELECT pg_reload_conf()});
enrichment('sleeps', 'NULL::jsonb', 'PERFORM pg_sleep(60);');
$cluster->destination('tired', $receiver->url('/tired'),
	{ enrich => 'shop.sleeps', enrich_on_error => 'skip' });
$cluster->emit('f', 1, 5000);
$cluster->drained('one', 'plain', 'tired');
$cluster->all_there($receiver, 'tired', [ ids('f', 1, 5000) ], 'after its tries all events go unpatched');
is($cluster->sql("SELECT enrich_skipped FROM ecapi.destination WHERE destination = 'tired'"), '5000',
	'and are counted');
$cluster->sql(q{DROP SERVER tired; ALTER SYSTEM RESET ecapi.enrich_timeout; SELECT pg_reload_conf()});

# --- killed while it enriches

# a call lasts until it is ended
enrichment('slow', 'NULL::jsonb', 'PERFORM pg_sleep(600);');
my $calls = "FROM pg_stat_activity WHERE backend_type = 'ecapi enrichment worker' AND wait_event = 'PgSleep'";
my $called = "EXISTS (SELECT $calls)";

$cluster->destination('crash', $receiver->url('/crash'), { enrich => 'shop.slow' });
for my $round (1 .. 3)
{
	$cluster->emit("g$round-", 1, 4000);
	$cluster->wait_sql($called, 'the worker enriches');
	$cluster->wait_worker($cluster->kill_worker);
}
$cluster->wait_sql($called, 'the worker enriches');
is($cluster->sql("SELECT usename IS NULL OR usename <> 'shop' $calls"), 't', 'in a process that is not connected as its owner');
enrichment('slow', "jsonb_build_object('value', e.value * 2)");
$cluster->sql("SELECT pg_cancel_backend(pid) $calls");
$cluster->drained('crash');
$cluster->all_there($receiver, 'crash', [ map { ids("g$_-", 1, 4000) } 1 .. 3 ],
	'killed while it enriches, nothing is lost', repeats => 1);
%values = values_of('crash');
is(scalar(grep { $values{"g3-$_"} == 2 * $_ } 1 .. 4000), 4000, 'nor sent unpatched');

$receiver->stop;
done_testing();
