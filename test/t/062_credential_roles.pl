# A credential file belongs to the role whose directory it lies in: no other
# role's destination reads it, whatever its options name.  And a role from which
# USAGE on the wrapper was taken delivers no more.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiNode;
use EcapiReceiver;
use PostgreSQL::Test::Utils;
use Test::More;

my $credentials = PostgreSQL::Test::Utils::tempdir();
append_to_file("$credentials/shop.token", "tokenOfSuperuser\n");
mkdir "$credentials/ann", 0700 or die "mkdir: $!";
append_to_file("$credentials/ann/shop.token", "tokenOfAnn\n");

my $receiver = EcapiReceiver->start;
my $node = ecapi_node('main', credentials => $credentials);
rows($node, 'CREATE ROLE ann; CREATE ROLE mallory; CREATE ROLE "a/b";'
	  . ' GRANT USAGE ON FOREIGN DATA WRAPPER ecapi TO ann, mallory, "a/b"');

# A destination of a role, whose token is in the file shop.token.
sub destination_of
{
	my ($role, $name) = @_;

	create_destination($node, $name, $receiver->url("/$name"),
		mapping => "access_token_file 'shop.token'");
	rows($node, "ALTER SERVER $name OWNER TO \"$role\"") if defined $role;
	return;
}

# What the receiver was shown of the requests of a destination.
sub requests_of
{
	my ($name) = @_;

	return grep { $_->{path} =~ m{^/$name\b} } $receiver->requests;
}

destination_of(undef, 'of_superuser');
destination_of('ann', 'of_ann');
destination_of('mallory', 'of_mallory');
destination_of('a/b', 'of_slash');
emit($node, 'first', 3);

wait_delivered($node, $_) for qw(of_superuser of_ann);
wait_state($node, 'of_mallory', 'waiting',
	detail => 'could not read credential file "mallory/shop.token"');
wait_state($node, 'of_slash', 'waiting',
	detail => 'the name of role "a/b" cannot be that of a directory');
is(scalar(requests_of('of_mallory')), 0, 'nothing is sent with a file of another role');
like(rows($node, "SELECT string_agg(what, ' ') FROM ecapi.check() WHERE severity = 'error'"),
	qr{could not read credential file "mallory/shop.token"}, 'ecapi.check() says where the file is looked for');

# The administrator gives mallory a token of its own.
mkdir "$credentials/mallory", 0700 or die "mkdir: $!";
append_to_file("$credentials/mallory/shop.token", "tokenOfMallory\n");
wait_delivered($node, 'of_mallory');
cmp_ok(scalar(requests_of('of_mallory')), '>', 0, 'the role delivers with its own');

# A new owner brings files of its own; so does a new name.
rows($node, 'ALTER SERVER of_ann OWNER TO mallory; ALTER ROLE mallory RENAME TO trent');
emit($node, 'second', 1);
wait_state($node, 'of_mallory', 'waiting', detail => 'could not read credential file "trent/shop.token"');
wait_state($node, 'of_ann', 'waiting', detail => 'could not read credential file "trent/shop.token"');
rename "$credentials/mallory", "$credentials/trent" or die "rename: $!";
wait_delivered($node, $_) for qw(of_ann of_mallory);

# Who may not use the wrapper any more delivers no more.
rows($node, 'REVOKE USAGE ON FOREIGN DATA WRAPPER ecapi FROM trent');
wait_state($node, 'of_mallory', 'stopped', detail => 'its owner "trent" has no USAGE on foreign-data wrapper ecapi');
my $before = requests_of('of_mallory');
emit($node, 'third', 5);
wait_delivered($node, 'of_superuser');
is(scalar(requests_of('of_mallory')), $before, 'nothing is sent without USAGE');
my ($status, $out, $error) = $node->psql('postgres', "SELECT * FROM ecapi.preview('of_mallory')");
like($error, qr/has no USAGE on foreign-data wrapper ecapi/, 'nor previewed');
rows($node, 'CREATE ROLE carol; GRANT USAGE ON FOREIGN DATA WRAPPER ecapi TO carol; GRANT carol TO trent');
wait_delivered($node, 'of_mallory');
pass('with USAGE through another role the destination goes on, and nothing is lost');
done_testing();
