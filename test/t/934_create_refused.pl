# CREATE EXTENSION where it cannot be: the error says why, and what was there stays as it
# was.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use Test::More;

my $cluster = EcapiCluster->create(extension => 0);
my $CREATE = 'CREATE EXTENSION ecapi';

$cluster->sql('CREATE ROLE plain; CREATE ROLE maker; CREATE ROLE owner');

# A new database.
sub fresh
{
	my ($database) = @_;

	$cluster->sql("CREATE DATABASE $database");
	return $cluster->in($database);
}

# What there is of the extension.
sub left
{
	return $_[0]->sql(q(SELECT concat_ws(' ', (SELECT count(*) FROM pg_extension WHERE extname = 'ecapi'),
		(SELECT count(*) FROM pg_event_trigger), (SELECT count(*) FROM pg_foreign_data_wrapper),
		(SELECT count(*) FROM pg_proc WHERE proname = 'ecapi_emit'), (SELECT count(*) FROM pg_namespace WHERE nspname = 'ecapi_internal'))));
}

# It can be made, and works.
sub works
{
	my ($database) = @_;

	$database->sql("$CREATE; SELECT ecapi_emit('login', id => 'works')");
	is($database->sql("SELECT count(*) FROM ecapi.outbox"), 1, 'then it can be made, and takes events');
	return;
}

subtest 'rights' => sub {
	my $database = fresh('rights');

	$cluster->sql('GRANT CREATE ON DATABASE rights TO maker; ALTER ROLE owner CREATEDB CREATEROLE');
	for my $role (qw(plain maker owner))
	{
		like($database->refused("SET ROLE $role; $CREATE", $role),
			qr/permission denied to create extension "ecapi"\nHINT:  Must be superuser to create this extension\./, 'the server says who may');
	}
	$cluster->sql('ALTER DATABASE rights OWNER TO owner');
	like($database->refused("SET ROLE owner; $CREATE", 'owner of the database'), qr/Must be superuser/, 'the owner of the database may not, either');
	is(left($database), '0 0 0 0 0', 'nothing was made');
	works($database);
};

subtest 'schema ecapi is there' => sub {
	my $database = fresh('taken');

	$cluster->sql('GRANT CREATE ON DATABASE taken TO maker');
	$database->sql('SET ROLE maker; CREATE SCHEMA ecapi');
	like($database->refused($CREATE, 'an empty one'), qr/schema "ecapi" already exists/, 'it is named');
	$database->sql(q(SET ROLE maker; CREATE TABLE ecapi.outbox (n int); INSERT INTO ecapi.outbox VALUES (42);
		CREATE FUNCTION ecapi.check() RETURNS int LANGUAGE sql AS 'SELECT 42'));
	like($database->refused($CREATE, 'one with foreign objects'), qr/schema "ecapi" already exists/, 'it is named');
	like($database->refused("$CREATE SCHEMA ecapi", 'into it'), qr/schema "ecapi" already exists/, 'it is named');
	is($database->sql("SELECT n, ecapi.check(), nspowner::regrole FROM ecapi.outbox, pg_namespace WHERE nspname = 'ecapi'"), '42|42|maker',
		'what was in it is as it was');
	is(left($database), '0 0 0 0 0', 'nothing was made');

	# the schema of another application, under another name
	$database->sql('ALTER SCHEMA ecapi RENAME TO ecapi_of_theirs');
	works($database);
	is($database->sql('SELECT n, ecapi_of_theirs.check() FROM ecapi_of_theirs.outbox'), '42|42', 'beside what was there');
};

subtest 'other names are taken' => sub {
	my $database = fresh('names');

	$database->sql('CREATE SCHEMA ecapi_internal');
	like($database->refused($CREATE, 'schema ecapi_internal'), qr/schema "ecapi_internal" already exists/, 'it is named');
	$database->sql('DROP SCHEMA ecapi_internal; CREATE FOREIGN DATA WRAPPER ecapi');
	like($database->refused($CREATE, 'the wrapper'), qr/foreign-data wrapper "ecapi" already exists/, 'it is named');
	$database->sql('DROP FOREIGN DATA WRAPPER ecapi');
	$database->sql(q(CREATE FUNCTION ecapi_emit(event_type text DEFAULT NULL, value double precision DEFAULT NULL, currency_code text DEFAULT NULL,
		id text DEFAULT NULL, user_data jsonb DEFAULT NULL, properties jsonb DEFAULT NULL, source text DEFAULT NULL, custom_event text DEFAULT NULL,
		data_set_id text DEFAULT NULL, occurred_at timestamptz DEFAULT now(), ext jsonb DEFAULT NULL, event jsonb DEFAULT NULL)
		RETURNS text LANGUAGE sql AS $$ SELECT 'theirs' $$));
	like($database->refused($CREATE, 'the function'), qr/function "ecapi_emit" already exists/, 'it is named');
	is($database->sql("SELECT ecapi_emit('login')"), 'theirs', 'and as it was');
	is($database->sql(q(SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'ecapi%')), 0, 'nothing was made');
	$database->sql("CREATE SCHEMA ours; $CREATE SCHEMA ours; SELECT ours.ecapi_emit('login', id => 'works')");
	is($database->sql('SELECT count(*) FROM ecapi.outbox'), 1, 'SCHEMA gives the function another place');
};

subtest 'twice' => sub {
	my $database = fresh('twice');

	works($database);
	like($database->refused($CREATE), qr/extension "ecapi" already exists/, 'the server says so');
	is($database->sql("SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS ecapi; SELECT count(*) FROM ecapi.outbox"), 1, 'IF NOT EXISTS does nothing');
};

like(fresh('unknown')->refused("$CREATE VERSION '0.9'"), qr/extension "ecapi" has no installation script nor update path for version "0\.9"/, 'the server says so');

$cluster->stop;
done_testing();
