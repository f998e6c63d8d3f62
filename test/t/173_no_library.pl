# The library's file is gone from a server that had it: what has nothing to do
# with events goes on, what has says what is missing, and an operator can help
# himself.  When the file is back nothing is lost.
#
# The installation is copied for this (programs look for libraries beside
# themselves), for other tests may be using the real one.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiNode;
use EcapiReceiver;
use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my %dir = map { chomp(my $path = `pg_config --$_`); ($_ => $path) } qw(bindir pkglibdir sharedir);

# What all three have in common is the copy's root.
my $root = $dir{bindir};
$root = dirname($root) while grep { index("$_/", "$root/") != 0 } values %dir;
my $copy = PostgreSQL::Test::Utils::tempdir();
my %copied = map { ($_ => $copy . substr($dir{$_}, length $root)) } keys %dir;

sub run_quietly { return system(@_) == 0 || die "@_ failed" }

for my $which (sort keys %dir)
{
	run_quietly('mkdir', '-p', dirname($copied{$which}));
	run_quietly('cp', $which eq 'bindir' ? '-a' : '-as', $dir{$which}, $copied{$which});
}
my $library = "$copied{pkglibdir}/ecapi.so";

my $receiver = EcapiReceiver->start;
my $node = PostgreSQL::Test::Cluster->new('main', install_path => dirname($copied{bindir}));
$node->init;
$node->append_conf('postgresql.conf', ecapi_settings());
$node->start;
is($node->safe_psql('postgres', "SELECT setting FROM pg_config() WHERE name = 'PKGLIBDIR'"),
	$copied{pkglibdir}, 'the copy looks beside itself');

rows($node, 'CREATE EXTENSION ecapi');
create_destination($node, 'shop', $receiver->url('/in'));
rows($node, 'CREATE TABLE plain (n int); CREATE TABLE tracked (n int PRIMARY KEY, v int)');
rows($node, "SELECT ecapi.track('tracked', 'purchase', mapping => '{}')");
rows($node, 'INSERT INTO tracked VALUES (1)');
wait_delivered($node, 'shop');

# --- gone

rename $library, "$library.away" or die "rename: $!";
$node->stop;
is($node->start(fail_ok => 1), 0, 'preloaded, the server does not start');
like(slurp_file($node->logfile), qr/could not access file "ecapi"/, 'and says what is missing');
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->start;

is(rows($node, 'INSERT INTO plain VALUES (1); UPDATE plain SET n = 2; SELECT n FROM plain'), 2,
	'writers of other tables go on');
is(rows($node, 'CREATE TABLE another (n int); CREATE INDEX ON another (n);'
	  . ' CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;'
	  . ' CREATE VIEW seen AS SELECT n FROM another; DROP VIEW seen; DROP FUNCTION f();'
	  . " CREATE SCHEMA s; DROP SCHEMA s; SELECT 'done'"), 'done', 'so does DDL of others');
is(rows($node, "ALTER TABLE another ADD m int; DROP TABLE another; SELECT 'done'"), 'done',
	'and DDL that tracks could be about');
like(refused($node, 'INSERT INTO tracked VALUES (2)'), qr/could not access file|could not load library/,
	'a tracked table says what is missing');
like(refused($node, "SELECT ecapi_emit('purchase')"), qr/could not access file|could not load library/,
	'so does an emitter');
is(rows($node, 'SELECT count(*) FROM tracked; SELECT count(*) FROM ecapi.outbox'), "1\n1",
	'what is there can be read');
is(rows($node, 'ALTER TABLE tracked DISABLE TRIGGER ecapi_purchase; INSERT INTO tracked VALUES (3);'
	  . ' ALTER TABLE tracked ENABLE TRIGGER ecapi_purchase; SELECT count(*) FROM tracked'), 2,
	'an operator can let the table go on without its track');
is(rows($node, "SET session_replication_role = replica; UPDATE tracked SET v = 1; SELECT sum(v) FROM tracked"),
	2, 'and so can a session');
rows($node, 'CREATE DATABASE clean TEMPLATE template0');
is(rows($node, "SELECT 'there'", database => 'clean'), 'there', 'other databases do not notice');
is(rows($node, 'BEGIN; DROP EXTENSION ecapi CASCADE; INSERT INTO tracked VALUES (4);'
	  . " SELECT count(*) FROM tracked; ROLLBACK"), 3, 'the extension can be dropped');

# --- back

rename "$library.away", $library or die "rename: $!";
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'ecapi'");
$node->restart;
rows($node, 'INSERT INTO tracked VALUES (5)');
wait_delivered($node, 'shop');
is(join(' ', sort map { $_->{id} } $receiver->records), 'tracked:1:purchase tracked:5:purchase',
	'tracked rows are events again, none came twice');

$node->stop;
done_testing();
