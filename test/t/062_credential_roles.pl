# A credential file belongs to the role whose directory it is in: no other
# role's destination reads it, whatever its options name.  And a role from which
# USAGE on the wrapper was taken delivers no more.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use PostgreSQL::Test::Utils;
use Test::More;

my $credentials = PostgreSQL::Test::Utils::tempdir();
append_to_file("$credentials/shop.token", "tokenOfSuperuser\n");
mkdir "$credentials/ann", 0700 or die "mkdir: $!";
append_to_file("$credentials/ann/shop.token", "tokenOfAnn\n");

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(credentials => $credentials);
$cluster->sql('CREATE ROLE ann; CREATE ROLE mallory; CREATE ROLE "a/b";'
	  . ' GRANT USAGE ON FOREIGN DATA WRAPPER ecapi TO ann, mallory, "a/b"');

# A destination of a role, whose token is in the file shop.token.
sub destination_of
{
	my ($role, $name) = @_;

	$cluster->destination($name, $receiver->url("/$name"), {}, { access_token_file => 'shop.token' });
	$cluster->sql("ALTER SERVER $name OWNER TO \"$role\"") if defined $role;
	return;
}

destination_of(undef, 'of_superuser');
destination_of('ann', 'of_ann');
destination_of('mallory', 'of_mallory');
destination_of('a/b', 'of_slash');
$cluster->emit('first-', 1, 3);

$cluster->drained(qw(of_superuser of_ann));
$cluster->wait_state('of_mallory', 'waiting', 'could not read credential file "mallory/shop.token"');
$cluster->wait_state('of_slash', 'waiting', 'the name of role "a/b" cannot be that of a directory');
is(scalar($receiver->requests_at('/of_mallory')), 0, 'nothing is sent with a file of another role');
like($cluster->sql("SELECT string_agg(what, ' ') FROM ecapi.check() WHERE severity = 'error'"),
	qr{could not read credential file "mallory/shop.token"}, 'ecapi.check() says where the file is looked for');

# The administrator gives mallory a token of its own.
mkdir "$credentials/mallory", 0700 or die "mkdir: $!";
append_to_file("$credentials/mallory/shop.token", "tokenOfMallory\n");
$cluster->drained('of_mallory');
cmp_ok(scalar($receiver->requests_at('/of_mallory')), '>', 0, 'the role delivers with its own');

# A new owner brings files of its own; so does a new name.
$cluster->sql('ALTER SERVER of_ann OWNER TO mallory; ALTER ROLE mallory RENAME TO trent');
$cluster->emit('second-', 1, 1);
$cluster->wait_state('of_mallory', 'waiting', 'could not read credential file "trent/shop.token"');
$cluster->wait_state('of_ann', 'waiting', 'could not read credential file "trent/shop.token"');
rename "$credentials/mallory", "$credentials/trent" or die "rename: $!";
$cluster->drained(qw(of_ann of_mallory));

# A role that may no longer use the wrapper delivers no more.
$cluster->sql('REVOKE USAGE ON FOREIGN DATA WRAPPER ecapi FROM trent');
$cluster->wait_state('of_mallory', 'stopped', 'its owner "trent" has no USAGE on foreign-data wrapper ecapi');
my $before = $receiver->requests_at('/of_mallory');
$cluster->emit('third-', 1, 5);
$cluster->drained('of_superuser');
is(scalar($receiver->requests_at('/of_mallory')), $before, 'nothing is sent without USAGE');
my (undef, undef, $error) = $cluster->try_sql("SELECT * FROM ecapi.preview('of_mallory')");
like($error, qr/has no USAGE on foreign-data wrapper ecapi/, 'nor previewed');
$cluster->sql('CREATE ROLE carol; GRANT USAGE ON FOREIGN DATA WRAPPER ecapi TO carol; GRANT carol TO trent');
$cluster->drained('of_mallory');
pass('with USAGE through another role the destination goes on, and nothing is lost');
done_testing();
