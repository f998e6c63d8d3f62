# Library and SQL of two versions: a newer library works with the SQL that a database has;
# one that is older than the SQL makes no guesses: it keeps events, and sends and changes
# nothing until the right one is there.
#
# The libraries are this one, built under other versions.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(ids);
use EcapiInstallation;
use EcapiReceiver;
use PostgreSQL::Test::Utils;
use Test::More;

my $UPDATE = 'ALTER EXTENSION ecapi UPDATE';

my $copy = EcapiInstallation->create;
my ($this) = slurp_file("$FindBin::RealBin/../../ecapi.control") =~ /^default_version = '(.*)'/m;
my ($major, $minor) = split /\./, $this;
my $next = "$major." . ($minor + 1);
my $after = "$major." . ($minor + 2);
my $present = PostgreSQL::Test::Utils::tempdir() . '/present.so';

run_command([ 'cp', $copy->library, $present ]);

# that of 1.0 did not know what an upgrade step asks it
my $first = $copy->build('1.0', 'api/versionapi');
my $coming = $copy->build($next);

my $receiver = EcapiReceiver->start;
my $cluster;

sub version { return $cluster->sql(q(SELECT extversion FROM pg_extension WHERE extname = 'ecapi')) }

# From the next start on the server has this library.
sub restart_with
{
	my ($library) = @_;

	$copy->put($library);
	$cluster->restart;
	return;
}

subtest 'the package is newer than the library in memory' => sub {
	$copy->put($first);
	$cluster = EcapiCluster->create(install_path => $copy->path, extension => 0);
	$cluster->sql("CREATE EXTENSION ecapi VERSION '1.0'");
	$cluster->destination('shop', $receiver->url('/in'));
	$cluster->delivers($receiver, 'shop', 'a', 3);
	$copy->put($present);
	like($cluster->refused($UPDATE),
		qr/version 1\.1 of the SQL of ecapi needs its library, and an older one is in memory\nHINT: .*restart the server/, 'the update is refused, and says what to do');
	is(version(), '1.0', 'nothing is done');
	$cluster->delivers($receiver, 'shop', 'b', 3);
	$cluster->sql('CREATE DATABASE another');
	like($cluster->in('another')->refused('CREATE EXTENSION ecapi'), qr/an older one is in memory/, 'so is a new database');
	is($cluster->in('another')->sql(q(SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'ecapi%')), 0, 'of which nothing is left');
	$cluster->in('another')->sql("CREATE EXTENSION ecapi VERSION '1.0'");
	pass('the version that the library knows can be made');
};

subtest 'the library is newer' => sub {
	$cluster->restart;
	$cluster->delivers($receiver, 'shop', 'c', 3);
	like($cluster->doctor('warning', 'version'), qr/SQL of this database is of version 1\.0, and the library of \Q$this\E.* -- ALTER EXTENSION ecapi UPDATE;/,
		'the doctor says so');
	is($cluster->doctor('error'), '', 'and no more');
	$cluster->sql($UPDATE);
	is($cluster->sql('SELECT library, sql FROM ecapi.version()'), "$this|$this", 'then they are of one version');
	$cluster->delivers($receiver, 'shop', 'd', 3);
};

subtest 'a later step' => sub {
	$copy->step($this, $next, "SELECT ecapi_internal.require_library('$next');\n"
		  . "CREATE FUNCTION ecapi_internal.later() RETURNS int LANGUAGE sql AS 'SELECT 1';\n");
	like($cluster->refused($UPDATE),
		qr/version \Q$next\E of the SQL of ecapi needs its library, and that of \Q$this\E is in memory\nHINT:  Restart the server/,
		'is refused by a library that is older');
	is(version(), $this, 'and nothing is done');
	restart_with($coming);
	like($cluster->doctor('warning', 'version'), qr/of version \Q$this\E, and the library of \Q$next\E.* -- ALTER EXTENSION ecapi UPDATE;/,
		'the doctor of this version tells, too');
	$cluster->sql("CREATE TABLE tracked (n int PRIMARY KEY); SELECT ecapi.track('tracked', 'purchase', mapping => '{}')");
	$cluster->sql($UPDATE);
	is($cluster->sql('SELECT library, sql FROM ecapi.version()'), "$next|$next", 'and taken by one that knows it');
	$cluster->delivers($receiver, 'shop', 'e', 3);
};

subtest 'the package was taken back' => sub {
	my $says = qr/the SQL of this database is of version \Q$next\E, and the library in memory of \Q$this\E, which is older/;

	restart_with($present);
	$cluster->wait_sql("SELECT message ~ 'library in memory of \Q$this\E, which is older' FROM ecapi.worker()", 'the worker says so');
	$cluster->wait_turns(4);
	is(scalar(() = $cluster->log_text =~ /ecapi worker failed and will try again: $says/g), 1, 'once in the log, however often it tries');
	like($cluster->doctor('error'), qr/$says -- Install the library of version \Q$next\E or later, then restart the server\./, 'the doctor says what to do');
	is($cluster->sql('SELECT library, sql FROM ecapi.version()'), "$this|$next", 'and which versions there are');
	is($cluster->sql("SELECT state, detail FROM ecapi.destination") =~ /idle|delivering|starting/, 1, 'the view can be read');

	# events are kept
	$cluster->emit('f-', 1, 3);
	$cluster->sql('INSERT INTO tracked SELECT generate_series(1, 3)');
	$cluster->sql("SET ecapi.on_error = 'set_aside'; SELECT ecapi_emit('purchase', value => 1, id => 'aside')");
	is($cluster->sql("SELECT count(*) FROM ecapi.failed_event WHERE state = 'set_aside'"), 1, 'what is not valid is set aside');
	is($cluster->sql('SELECT count(*) FROM ecapi.outbox'), 3 * 5 + 6, 'events are kept');

	# what was recorded is not touched
	like($cluster->refused($_), qr/ERROR:  $says\nHINT:  Install/, 'with what to do')
	  for "SELECT ecapi.cancel('a-1')", "SELECT ecapi.forget('ann\@example.com')", "SELECT ecapi.pause('shop')", "SELECT ecapi.retry('shop')",
	  "SELECT ecapi.replay('shop', since => now() - interval '1 day')", "SELECT ecapi.recapture()", "SELECT ecapi.discard('shop')";
	is(scalar(keys %{ $receiver->ids_received('f') }), 0, 'nothing is sent');
	is(scalar(keys %{ $receiver->ids_received('tracked') }), 0, 'of either kind');

	# nor written to where columns are not as they are known
	$cluster->sql('CREATE DATABASE wider');
	$cluster->in('wider')->sql("CREATE EXTENSION ecapi VERSION '$this'; UPDATE pg_extension SET extversion = '$next' WHERE extname = 'ecapi';"
		  . ' ALTER TABLE ecapi.outbox ADD COLUMN wider text');
	like($cluster->in('wider')->refused("SELECT ecapi_emit('login', id => 'no')"), qr/ERROR:  $says/, 'an outbox with other columns takes no event');

	# and all goes on
	restart_with($coming);
	$receiver->wait_received('f', 3);
	$cluster->drained('shop');
	$cluster->all_there($receiver, 'shop', [ (map { ids("$_-", 1, 3) } 'a' .. 'f'), map { "tracked:$_:purchase" } 1 .. 3 ],
		'with the right library all events arrive, once');
	is($cluster->sql("SELECT count(ecapi.cancel('a-1'))"), 1, 'and functions do what they do');
	is($cluster->doctor('error'), '', 'the doctor finds nothing');
};

subtest 'not preloaded' => sub {
	$copy->step($next, $after, "SELECT ecapi_internal.require_library('$after');\n");
	$cluster->append_conf('postgresql.conf', "shared_preload_libraries = ''");
	$cluster->restart;
	like($cluster->refused($UPDATE), qr/needs its library, and that of \Q$next\E is in memory\nHINT:  Connect again/, 'a session has the library that it has loaded');
	is(version(), $next, 'and nothing is done');
};

unlike($cluster->log_text, qr/was terminated by signal|PANIC|TRAP/, 'nothing has crashed');
$cluster->stop;
done_testing();
