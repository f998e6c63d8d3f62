# ALTER EXTENSION ecapi UPDATE: what it makes is what a new database has; it runs beside
# an application, a backlog, failed and cancelled events, and nothing of them is lost or
# comes twice; it holds nobody up; and where it ends early all is as before.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(ids literal);
use EcapiLoad;
use EcapiReceiver;
use EcapiSurface;
use PostgreSQL::Test::Utils;
use Test::More;

my $FIRST = '1.0';
my $UPDATE = 'ALTER EXTENSION ecapi UPDATE';

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(extension => 0, conf => "max_worker_processes = 20\nrestart_after_crash = on\n");

# Where two texts differ, line by line, for a reader.
sub differences
{
	my ($left, $right) = @_;
	my (%left, %right);

	$left{$_}++ for split /\n/, $left;
	$right{$_}++ for split /\n/, $right;
	return join "\n", (map { "- $_" } grep { !$right{$_} } sort keys %left), map { "+ $_" } grep { !$left{$_} } sort keys %right;
}

# The SQL's version in a database.
sub version { return $_[0]->sql(q(SELECT extversion FROM pg_extension WHERE extname = 'ecapi')) }

# A database with the first version.
sub first_in
{
	my ($database) = @_;

	$cluster->sql("CREATE DATABASE $database");
	$cluster->in($database)->sql("CREATE EXTENSION ecapi VERSION '$FIRST'");
	return $cluster->in($database);
}

# The surface in a database, without its name.
sub surface { return EcapiSurface::of($_[0]) =~ s/\bdb_\w+\b/DATABASE/gr }

# Rights on objects of the extension that a script or its owner has given, as they are now.
sub rights
{
	return $_[0]->sql(q(SELECT string_agg(line, E'\n' ORDER BY line) FROM (
		SELECT d::text || ' ' || a.grantee::regrole || ' ' || a.privilege_type AS line FROM (
			SELECT p.oid::regprocedure::text, coalesce(p.proacl, acldefault('f', p.proowner)) FROM pg_proc p
			WHERE p.pronamespace IN ('ecapi'::regnamespace, 'ecapi_internal'::regnamespace)
			UNION ALL SELECT c.oid::regclass::text, coalesce(c.relacl, acldefault('r', c.relowner)) FROM pg_class c
			WHERE c.relnamespace = 'ecapi'::regnamespace AND c.relkind IN ('r', 'p', 'v')
			UNION ALL SELECT n.nspname, n.nspacl FROM pg_namespace n WHERE n.nspname LIKE 'ecapi%'
		) o (d, acl), aclexplode(o.acl) a WHERE a.grantee <> 0) l));
}

my $new;

subtest 'the same objects as in a new database' => sub {
	$cluster->sql('CREATE DATABASE db_new');
	$cluster->in('db_new')->sql('CREATE EXTENSION ecapi');
	my $updated = first_in('db_updated');
	isnt(version($updated), version($cluster->in('db_new')), 'the first version can be made');
	$updated->sql($UPDATE);
	my ($is, $said) = ($updated->sql('SELECT library, sql FROM ecapi.version()'), $updated->doctor('warning', 'version'));

	is($is, join('|', (version($cluster->in('db_new'))) x 2), 'ecapi.version() tells the new one');
	is($said, '', 'and the doctor has nothing to say of versions');
	$new = surface($cluster->in('db_new'));
	is(differences(surface($updated), $new), '', 'no object differs');
	like($new, qr/CREATE FUNCTION ecapi\.pause/, 'and objects were compared');
	like($new, qr/function ecapi\.version\(\) needs extension ecapi \(e\)/, 'with what they need');
	like($new, qr/initial rights on function ecapi\.pause\(name\)/, 'and their rights');
	like($new, qr/rows of ecapi\.forgotten are dumped/, 'and what is dumped');
};

subtest 'amid an application, with a backlog' => sub {
	$cluster->sql("CREATE EXTENSION ecapi VERSION '$FIRST'");
	$cluster->sql(q(
		CREATE ROLE shopkeeper;
		CREATE ROLE observer;
		GRANT USAGE ON SCHEMA ecapi TO shopkeeper, observer;
		GRANT EXECUTE ON FUNCTION ecapi.check, ecapi.cancel, ecapi.capture, ecapi_emit TO shopkeeper;
		GRANT SELECT ON ecapi.outbox, ecapi.destination TO observer WITH GRANT OPTION;
		REVOKE EXECUTE ON FUNCTION ecapi.check() FROM pg_monitor;
		CREATE SCHEMA shop AUTHORIZATION shopkeeper;
		SET ROLE shopkeeper;
		CREATE FUNCTION shop.doubled(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
		BEGIN ATOMIC
			SELECT e.seq, jsonb_build_object('value', e.value * 2) FROM unnest(page) e WHERE e.value IS NOT NULL;
		END));
	$cluster->destination('shop', $receiver->url('/shop/reject-if=poison'), { enrich => 'shop.doubled', linger => 0 });
	$cluster->destination('late', $receiver->url('/late'));
	$cluster->emit('a-', 1, 5);
	$cluster->sql("SELECT ecapi_emit('purchase', value => 1, currency_code => 'EUR', id => 'poison-1')");
	$cluster->drained('shop', 'late');
	$cluster->pause($_) for qw(shop late);
	# stopped before it has left
	$cluster->sql("SELECT ecapi_emit('purchase', value => 1, currency_code => 'EUR', id => 'gone-1')");
	$cluster->sql("SELECT ecapi.cancel('gone-1')");
	$cluster->sql("SET ecapi.on_error = 'set_aside'; SELECT ecapi_emit('purchase', value => 1, id => 'aside-1')");
	$cluster->emit('b-', 1, 500);
	$cluster->resume('shop');
	my $load = EcapiLoad->start($cluster, 'e');
	my $tracked = EcapiLoad->start($cluster, 't', track => 1);

	$_->wait_more(5) for $load, $tracked;
	like($cluster->doctor('warning', 'version'),
		qr/SQL of this database is of version \Q$FIRST\E, and the library of .*: all works as in \Q$FIRST\E.* -- ALTER EXTENSION ecapi UPDATE;/,
		'before it the doctor says what to do');
	is(scalar(split /\n/, $cluster->doctor('warning', 'version')), 1, 'once, and not for each destination');
	like($cluster->log_text, qr/ecapi worker: the SQL of this database is of version \Q$FIRST\E/, 'so does the log');
	my $rights = rights($cluster);
	my $kept = sub {
		return $cluster->sql(q(SELECT string_agg(concat_ws(' ', destination, event_id, state, reason), ', ' ORDER BY failed_id) FROM ecapi.failed_event))
		  . $cluster->sql(q(SELECT string_agg(concat_ws(' ', id, state), ', ' ORDER BY cancel_id) FROM ecapi.cancellation));
	};
	my $before = $kept->();

	like($before, qr/shop poison-1 waiting/, 'an event failed');
	like($before, qr/aside-1 set_aside/, 'one was set aside');
	like($before, qr/gone-1/, 'one is cancelled');
	cmp_ok($cluster->row('late')->{backlog}, '>', 500, 'a destination has a backlog');

	my $session = $cluster->background_psql('postgres');

	my $last = $cluster->sql('SELECT max(oid) FROM pg_class');

	$session->query_safe('BEGIN');
	$session->query_safe($UPDATE);
	# What it holds to its end: of catalogs and relations nothing that a writer, the worker or DDL of others would wait for; of single
	# objects the extensions, and functions, which those who call them do not lock.  Relations that it makes are seen by nobody
	# before its end.  Those that only people and monitoring read may wait: what it replaces last.
	is($session->query_safe(q(SELECT string_agg(DISTINCT concat_ws(' ', l.locktype, coalesce(l.relation::regclass::text,
				pg_describe_object(l.classid, l.objid, 0)), l.mode), ', ')
		FROM pg_locks l
		WHERE l.pid = pg_backend_pid() AND l.locktype NOT IN ('virtualxid', 'transactionid')
			AND l.classid IS DISTINCT FROM 'pg_extension'::regclass AND l.classid IS DISTINCT FROM 'pg_proc'::regclass
			AND coalesce(l.relation, 0) <> ALL (ARRAY['ecapi.destination', 'ecapi.track', 'ecapi.backfill', 'ecapi.own_failed_event', 'ecapi.model']::regclass[])
			AND coalesce(l.relation, 0) <= ) . $last . q(
			AND CASE WHEN l.locktype = 'relation' AND l.relation < 16384 THEN l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')
				ELSE l.mode <> 'AccessShareLock' END)), '', 'it holds no lock that others wait for');
	$_->wait_more(10) for $load, $tracked;
	$cluster->emit('while-', 1, 3);
	$receiver->wait_received('while', 3);
	pass('while it is open writers go on and events are delivered');
	is($cluster->sql('SELECT count(*) > 0 AND bool_and(w.state = \'running\') FROM ecapi.request, ecapi.worker() w'), 't', 'the log of requests is read');
	$cluster->sql('ALTER TABLE load_t ADD more int; CREATE FUNCTION other() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$');
	pass('DDL of others goes on');
	is(version($cluster), $FIRST, 'and nobody sees it yet');
	$session->query_safe('COMMIT');
	$session->quit;
	isnt(version($cluster), $FIRST, 'it is done');
	$_->wait_more(10) for $load, $tracked;
	is($cluster->doctor('warning', 'version'), '', 'the doctor has no more to say of versions');
	is($kept->(), $before, 'failed and cancelled events, and what was set aside, are as they were');
	# those of objects that were there
	my %were = map { s/ \S+ \S+$//r => 1 } split /\n/, $rights;
	my $now = join "\n", grep { $were{ s/ \S+ \S+$//r } } split /\n/, rights($cluster);

	is(differences($rights, $now), '',
		'rights are as they were given and taken');
	$_->stop for $load, $tracked;
	is(join('', map { $_->errors } $load, $tracked), '', 'no transaction of the application failed');

	# what waits is delivered, what had failed, too
	$cluster->alter('shop', url => $receiver->url('/shop'));
	$cluster->resume('late');
	$cluster->sql("SELECT ecapi.retry('shop')");
	$cluster->drained('shop', 'late');
	$cluster->wait_sql("NOT EXISTS (SELECT FROM ecapi.failed_event WHERE state = 'waiting')");
	my @expected = (ids('a-', 1, 5), 'poison-1', ids('b-', 1, 500), ids('while-', 1, 3), $load->ids, $tracked->ids);

	$cluster->all_there($receiver, $_, \@expected, "all events arrived once at $_") for qw(shop late);

	# a dump of it makes the new version, with what was granted
	my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';
	$cluster->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $cluster->connstr('postgres') ], 'it is dumped');
	$cluster->restored('again', 'pg_restore', '--exit-on-error', $dump);
	is(differences(rights($cluster), rights($cluster->in('again'))), '', 'rights are restored');
	is(version($cluster->in('again')), version($cluster), 'and the version');
	is(differences(join("\n", grep { /^initial rights/ } split /\n/, surface($cluster)), join("\n", grep { /^initial rights/ } split /\n/, $new)),
		'', 'for what was granted has not become what a script gave');
	is($cluster->in('again')->sql('SELECT count(*) FROM ecapi.track WHERE problem IS NULL'), 1, 'the track is there');
};

subtest 'interrupted' => sub {
	my $shop = first_in('db_interrupted');
	my $before = surface($shop);

	for my $way (qw(cancelled terminated crashed))
	{
		my $holder = $cluster->background_psql('db_interrupted');
		my $output = PostgreSQL::Test::Utils::tempdir() . '/output';
		my $waits = "SELECT pid FROM pg_stat_activity WHERE query = '$UPDATE' AND wait_event_type = 'Lock'";

		# of the last object that the step replaces, so most of it is done
		$holder->query_safe('BEGIN');
		$holder->query_safe('ALTER FUNCTION ecapi.check() COST 101');
		my $pid = $shop->background([ $cluster->installed_command('psql'), '-X', '-d', $shop->connstr('db_interrupted'), '-c', $UPDATE ], $output);

		$shop->wait_sql("EXISTS ($waits)", 'the update waits for it');
		$shop->emit("$way-", 1, 2);
		if ($way eq 'crashed')
		{
			$cluster->stop('immediate');
			$cluster->end_background($pid);
			$cluster->start;
		}
		else
		{
			my $function = $way eq 'cancelled' ? 'pg_cancel_backend' : 'pg_terminate_backend';

			$shop->sql("SELECT $function(pid) FROM ($waits) w");
			$cluster->end_background($pid, 0);
			like(slurp_file($output), qr/canceling statement due to user request|terminating connection/, "$way: it says so");
			$holder->query_safe('ROLLBACK');
		}
		eval { $holder->quit };
		is(version($shop), $FIRST, "$way: the version is as before");
		is(differences($before, surface($shop)), '', "$way: so is each object");
		is($shop->sql("SELECT count(*) FROM ecapi.outbox WHERE event->>'id' LIKE '$way-%'"), 2, "$way: events are kept");
	}
	$shop->sql($UPDATE);
	is(differences(surface($shop), $new), '', 'it can be run again');
};

subtest 'refused' => sub {
	my $shop = first_in('db_refused');

	$shop->emit('kept-', 1, 3);

	# a name that the step needs is taken by somebody's own function
	$shop->sql(q(CREATE ROLE somebody; GRANT CREATE, USAGE ON SCHEMA ecapi TO somebody; SET ROLE somebody;
		CREATE FUNCTION ecapi.version(OUT library text, OUT sql text, OUT built_for text, OUT server text) LANGUAGE sql AS $$ SELECT 'x', 'x', 'x', 'x' $$));
	like($shop->refused($UPDATE), qr/function "version" already exists/, 'a name that is taken is said');
	is(version($shop), $FIRST, 'and nothing is done');
	is($shop->sql('SELECT library FROM ecapi.version()'), 'x', 'nor to the function');
	$shop->sql('DROP FUNCTION ecapi.version(); REVOKE CREATE, USAGE ON SCHEMA ecapi FROM somebody');

	# roles
	$shop->sql("GRANT CREATE ON DATABASE db_refused TO somebody");
	like($shop->refused("SET ROLE somebody; $UPDATE"), qr/must be owner of extension ecapi/, 'only its owner may');
	$shop->sql($UPDATE);
	my $is = version($shop);

	like($shop->refused("$UPDATE TO '$FIRST'"), qr/extension "ecapi" has no update path from version "\Q$is\E" to version "\Q$FIRST\E"/, 'there is no way back');
	like($shop->refused("$UPDATE TO '99'"), qr/extension "ecapi" has no update path from version "\Q$is\E" to version "99"/, 'nor to what does not exist');
	is(version($shop), $is, 'and nothing is done');
	is($shop->sql("SELECT count(*) FROM ecapi.outbox"), 3, 'events are kept');
	is($shop->sql($UPDATE . '; SELECT 1'), 1, 'to update what is new does nothing');
};

unlike($cluster->log_text, qr/was terminated by signal|PANIC|TRAP/, 'nothing has crashed');
$cluster->stop;
done_testing();
