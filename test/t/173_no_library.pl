# The library's file is gone from a server that had it: what has nothing to do
# with events goes on, what has says what is missing, and an operator can help
# himself.  When the file is back nothing is lost.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiInstallation;
use EcapiReceiver;
use Test::More;

my $copy = EcapiInstallation->create;
my $library = $copy->library;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(install_path => $copy->path);
is($cluster->sql("SELECT setting FROM pg_config() WHERE name = 'PKGLIBDIR'"),
	$copy->pkglibdir, 'the copy looks beside itself');

$cluster->destination('shop', $receiver->url('/in'));
$cluster->sql('CREATE TABLE plain (n int); CREATE TABLE tracked (n int PRIMARY KEY, v int)');
$cluster->sql("SELECT ecapi.track('tracked', 'purchase', mapping => '{}')");
$cluster->sql('INSERT INTO tracked VALUES (1)');
$cluster->drained('shop');

# --- gone

rename $library, "$library.away" or die "rename: $!";
$cluster->stop;
is($cluster->start(fail_ok => 1), 0, 'preloaded, the server does not start');
like($cluster->log_text, qr/could not access file "ecapi"/, 'and says what is missing');
$cluster->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$cluster->start;

is($cluster->sql('INSERT INTO plain VALUES (1); UPDATE plain SET n = 2; SELECT n FROM plain'), 2,
	'writers of other tables go on');
is($cluster->sql('CREATE TABLE another (n int); CREATE INDEX ON another (n);'
	  . ' CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;'
	  . ' CREATE VIEW seen AS SELECT n FROM another; DROP VIEW seen; DROP FUNCTION f();'
	  . " CREATE SCHEMA s; DROP SCHEMA s; SELECT 'done'"), 'done', 'so does DDL of others');
is($cluster->sql("ALTER TABLE another ADD m int; DROP TABLE another; SELECT 'done'"), 'done',
	'and DDL that tracks could be about');
like($cluster->refused('INSERT INTO tracked VALUES (2)'), qr/could not access file|could not load library/,
	'a tracked table says what is missing');
like($cluster->refused("SELECT ecapi_emit('purchase')"), qr/could not access file|could not load library/,
	'so does an emitter');
is($cluster->sql('SELECT count(*) FROM tracked; SELECT count(*) FROM ecapi.outbox'), "1\n1",
	'what is there can be read');
is($cluster->sql('ALTER TABLE tracked DISABLE TRIGGER ecapi_purchase; INSERT INTO tracked VALUES (3);'
	  . ' ALTER TABLE tracked ENABLE TRIGGER ecapi_purchase; SELECT count(*) FROM tracked'), 2,
	'an operator can let the table go on without its track');
is($cluster->sql("SET session_replication_role = replica; UPDATE tracked SET v = 1; SELECT sum(v) FROM tracked"),
	2, 'and so can a session');
$cluster->sql('CREATE DATABASE clean TEMPLATE template0');
is($cluster->in('clean')->sql("SELECT 'there'"), 'there', 'other databases do not notice');
is($cluster->sql('BEGIN; DROP EXTENSION ecapi CASCADE; INSERT INTO tracked VALUES (4);'
	  . " SELECT count(*) FROM tracked; ROLLBACK"), 3, 'the extension can be dropped');

# --- back

rename "$library.away", $library or die "rename: $!";
$cluster->append_conf('postgresql.conf', "shared_preload_libraries = 'ecapi'");
$cluster->restart;
$cluster->sql('INSERT INTO tracked VALUES (5)');
$cluster->drained('shop');
is(join(' ', sort map { $_->{id} } $receiver->records), 'tracked:1:purchase tracked:5:purchase',
	'tracked rows are events again, none came twice');

$cluster->stop;
done_testing();
